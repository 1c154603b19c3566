package storage

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Events are stored as those of the core group, and listed as those of events.k8s.io: the same object with other names and
// numbers for its fields (pkg/apis/events/v1/conversion.go of kubernetes/kubernetes, and generated.proto of
// k8s.io/api/core/v1 and events/v1).
var (
	coreEvent   = schema.GroupVersionKind{Version: "v1", Kind: "Event"}
	listedEvent = schema.GroupVersionKind{Group: "events.k8s.io", Version: "v1", Kind: "Event"}
)

// eventNumbers are those of listed events by those of stored ones.
var eventNumbers = map[protowire.Number]protowire.Number{
	1: 1, 2: 8, 3: 7, 4: 10, 5: 12, 6: 13, 7: 14, 8: 15, 9: 11, 10: 2, 11: 3, 12: 6, 13: 9, 14: 4, 15: 5,
}

// listEvent gives an event as it is listed. The message is one that was inspected.
func listEvent(stored []byte) []byte {
	listed := make([]byte, 0, len(stored))
	for len(stored) > 0 {
		number, kind, tag := protowire.ConsumeTag(stored)
		n := protowire.ConsumeFieldValue(number, kind, stored[tag:])
		if tag < 0 || n < 0 {
			return append(listed, stored...) // for the decoder to refuse
		}
		if to, ok := eventNumbers[number]; ok {
			listed = append(protowire.AppendTag(listed, to, kind), stored[tag:tag+n]...)
		}
		stored = stored[tag+n:]
	}
	return listed
}

// eventNames are those of listed events by those of stored ones, where they differ.
var eventNames = map[string]string{
	"count":              "deprecatedCount",
	"firstTimestamp":     "deprecatedFirstTimestamp",
	"involvedObject":     "regarding",
	"lastTimestamp":      "deprecatedLastTimestamp",
	"message":            "note",
	"reportingComponent": "reportingController",
	"source":             "deprecatedSource",
}

// listEventJSON is listEvent for an event in JSON.
func listEventJSON(stored []byte) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(stored, &members); err != nil {
		return nil, damaged(err)
	}
	listed := map[string]json.RawMessage{}
	for name, value := range members {
		if to, ok := eventNames[name]; ok {
			name = to
		}
		listed[name] = value
	}
	listed["apiVersion"] = json.RawMessage(`"` + listedEvent.GroupVersion().String() + `"`)
	return json.Marshal(listed)
}
