package demonode_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/clustersnap/clustersnap/examples/demonode"
)

func Example() {
	if err := compare(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 200 objects before
	// /registry/configmaps/shop/motd is new
}

func compare(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "demonode")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	node, err := demonode.Start(ctx, dir, 200)
	if err != nil {
		return err
	}
	defer node.Close()
	client, err := node.Client()
	if err != nil {
		return err
	}
	defer client.Close()

	before, err := demonode.Dump(ctx, client)
	if err != nil {
		return err
	}
	fmt.Println(len(before), "objects before")
	if err := node.PutConfigMap(ctx, "shop", "motd", map[string]string{"text": "open until six"}); err != nil {
		return err
	}
	after, err := demonode.Dump(ctx, client)
	if err != nil {
		return err
	}
	for _, sentence := range demonode.Diff(before, after) {
		fmt.Println(sentence)
	}
	return nil
}
