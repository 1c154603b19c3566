package main

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// maxNote is how much an event may say (pkg/apis/core/validation/events.go in kubernetes/kubernetes).
const maxNote = 1024

var eventReasons = map[string]string{
	verdictGood: "BackupSucceeded", verdictDegraded: "BackupDegraded", verdictFailed: "BackupFailed",
}

// event tells the cluster of a backup. It is about the node, so that "kubectl describe node" shows it, and its uid is the
// node's name, as the kubelet has it in events of its own.
func (r *result) event(now time.Time) *eventsv1.Event {
	kind, note := corev1.EventTypeNormal, "The set is at "+r.where+"."
	if r.Verdict != verdictGood {
		kind, note = corev1.EventTypeWarning, strings.Join(r.Reasons, "; ")
	}
	return &eventsv1.Event{
		TypeMeta:            metav1.TypeMeta{APIVersion: eventsv1.SchemeGroupVersion.String(), Kind: "Event"},
		ObjectMeta:          metav1.ObjectMeta{GenerateName: "clustersnap-", Namespace: metav1.NamespaceDefault},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: "clustersnap.github.io/backup",
		ReportingInstance:   r.Node,
		Action:              "Backup",
		Reason:              eventReasons[r.Verdict],
		Type:                kind,
		Regarding:           corev1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: r.Node, UID: types.UID(r.Node)},
		Note:                strings.ToValidUTF8(note[:min(len(note), maxNote)], ""),
	}
}

func (r *result) sendEvent(ctx context.Context, config *rest.Config, now time.Time) error {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	event, err := runtime.DefaultUnstructuredConverter.ToUnstructured(r.event(now))
	if err != nil {
		return err
	}
	events := client.Resource(eventsv1.SchemeGroupVersion.WithResource("events")).Namespace(metav1.NamespaceDefault)
	_, err = events.Create(ctx, &unstructured.Unstructured{Object: event}, metav1.CreateOptions{})
	return err
}
