package datamaker

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
)

// text is a store of characters that is made once, because to make all that is written would be slower than etcd.
type text struct {
	prose string // compresses as settings and manifests do
	noise string // base64, as keys and tokens are
}

const textSize = 4 << 20 // more than the largest value

func newText(r *rand.Rand) text {
	words := strings.Fields("cache limit retry timeout upstream enabled pool queue worker backoff batch buffer http://10.96.0.1 true false 30s 512Mi /var/run/secrets")
	var prose strings.Builder
	for prose.Len() < textSize {
		prose.WriteString(words[r.IntN(len(words))])
		prose.WriteByte(" .=\n"[r.IntN(4)])
	}
	noise := make([]byte, textSize)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	return text{prose.String(), base64.StdEncoding.EncodeToString(noise)}
}

// some is a piece of n bytes from anywhere in the store.
func some(r *rand.Rand, store string, n int) string {
	at := r.IntN(len(store) - n)
	return store[at : at+n]
}
