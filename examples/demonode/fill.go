package demonode

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PutConfigMap creates a ConfigMap or replaces the one of that name. The namespace need not exist.
func (n *Node) PutConfigMap(ctx context.Context, namespace, name string, data map[string]string) error {
	key, value, err := entry("configmaps", &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Data:       data,
	})
	if err != nil {
		return fmt.Errorf("put config map: %w", err)
	}
	client, err := n.Client()
	if err != nil {
		return fmt.Errorf("put config map: %w", err)
	}
	defer client.Close()
	if _, err := client.Put(ctx, key, value); err != nil {
		return fmt.Errorf("put config map %s: %w", key, err)
	}
	return nil
}

const (
	batchOps   = 128     // etcd's --max-txn-ops
	batchBytes = 1 << 20 // less than etcd's --max-request-bytes of 1.5 MiB
)

// pass writes once to each step-th object between from and to.
type pass struct {
	from, to, step int
	write          func(i int) (clientv3.Op, error)
}

// fill makes the objects and a past for them, as Start promises it.
func (n *Node) fill(ctx context.Context, objects int) error {
	client, err := n.Client()
	if err != nil {
		return fmt.Errorf("fill etcd: %w", err)
	}
	defer client.Close()
	doomed := objects / 10
	for _, p := range []pass{
		{0, objects + doomed, 1, put(0)},
		{0, objects, 3, put(1)},
		{0, objects, 3, put(2)},
		{0, objects, 6, put(3)},
		{objects, objects + doomed, 1, remove},
	} {
		if err := p.run(ctx, client); err != nil {
			return fmt.Errorf("fill etcd: %w", err)
		}
	}
	return nil
}

func put(edit int) func(i int) (clientv3.Op, error) {
	return func(i int) (clientv3.Op, error) {
		key, value, err := object(i, edit)
		return clientv3.OpPut(key, value), err
	}
}

func remove(i int) (clientv3.Op, error) {
	key, _, err := object(i, 0)
	return clientv3.OpDelete(key), err
}

// run gathers the writes into transactions, for one fsync each.
func (p pass) run(ctx context.Context, kv clientv3.KV) error {
	var ops []clientv3.Op
	size := 0
	for i := p.from; i < p.to; i += p.step {
		op, err := p.write(i)
		if err != nil {
			return err
		}
		opSize := len(op.KeyBytes()) + len(op.ValueBytes())
		if len(ops) == batchOps || size+opSize > batchBytes {
			if _, err := kv.Txn(ctx).Then(ops...).Commit(); err != nil {
				return err
			}
			ops, size = nil, 0
		}
		ops, size = append(ops, op), size+opSize
	}
	_, err := kv.Txn(ctx).Then(ops...).Commit()
	return err
}
