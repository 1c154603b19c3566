// Command bigset writes, or verifies, an encrypted backup set with one large member, and prints how
// much memory it had at most, in KiB: bigset write|verify FILE MIB.
package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"filippo.io/age"

	"github.com/clustersnap/clustersnap"
	"github.com/clustersnap/clustersnap/internal/e2e/highwater"
)

// passphrase lets both runs have the same key without one in this file.
const passphrase = "not a secret"

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: bigset write|verify FILE MIB")
		os.Exit(2)
	}
	mib, err := strconv.Atoi(os.Args[3])
	if err == nil && os.Args[1] == "write" {
		err = write(os.Args[2], mib)
	} else if err == nil {
		err = verify(os.Args[2], mib)
	}
	if err == nil {
		err = highwater.Print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bigset:", err)
		os.Exit(1)
	}
}

func write(path string, mib int) error {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	recipient.SetWorkFactor(10) // its memory is not what is measured
	file, err := clustersnap.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	sealed, err := age.Encrypt(file, recipient)
	if err != nil {
		return err
	}
	set := clustersnap.NewWriter(sealed, time.Now())
	err = set.Add("etcd.snap.zst", nil, clustersnap.Compressed(func(w io.Writer) error { return fill(w, mib) }))
	for _, step := range []func() error{set.Close, sealed.Close, file.Commit} {
		if err == nil {
			err = step()
		}
	}
	return err
}

// fill writes data that compresses to about half, as pages of etcd do.
func fill(w io.Writer, mib int) error {
	random := rand.NewChaCha8([32]byte{1})
	block := make([]byte, 1<<20)
	for range mib {
		random.Read(block[:len(block)/2])
		if _, err := w.Write(block); err != nil {
			return err
		}
	}
	return nil
}

func verify(path string, mib int) error {
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	plain, size, err := age.DecryptReaderAt(f, info.Size(), identity)
	if err != nil {
		return err
	}
	set, err := clustersnap.Open(plain, size)
	if err != nil {
		return err
	}
	if err := set.Verify(context.Background()); err != nil {
		return err
	}
	member, err := set.Open("etcd.snap.zst")
	if err != nil {
		return err
	}
	defer member.Close()
	content, err := clustersnap.Decompress(member)
	if err != nil {
		return err
	}
	defer content.Close()
	n, err := io.Copy(io.Discard, content)
	if err == nil && n != int64(mib)<<20 {
		err = fmt.Errorf("%d bytes, want %d MiB", n, mib)
	}
	return err
}
