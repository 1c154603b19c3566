package etcdsnap

import (
	"encoding/json"
	"fmt"
)

// StoredMember is a member as a snapshot has it, by server/etcdserver/api/membership of etcd.
type StoredMember struct {
	ID         string   `json:"id"` // in hexadecimal, as etcdctl prints it
	Name       string   `json:"name"`
	PeerURLs   []string `json:"peerURLs"`
	ClientURLs []string `json:"clientURLs,omitempty"`
	Learner    bool     `json:"learner,omitempty"`
}

const (
	// maxMember bounds what is taken of one member, in bytes, and maxMembers their number: clusters have seven at most.
	maxMember  = 16 << 10
	maxMembers = 100
)

// parseMember reads what etcd keeps of a member: JSON.
func parseMember(b []byte) (m StoredMember, ok bool) {
	var stored struct {
		ID         uint64   `json:"id"`
		Name       string   `json:"name"`
		PeerURLs   []string `json:"peerURLs"`
		ClientURLs []string `json:"clientURLs"`
		IsLearner  bool     `json:"isLearner"`
	}
	if len(b) > maxMember || json.Unmarshal(b, &stored) != nil {
		return m, false
	}
	return StoredMember{fmt.Sprintf("%x", stored.ID), stored.Name, stored.PeerURLs, stored.ClientURLs, stored.IsLearner}, true
}
