package rehost

import "fmt"

// Finish says what is left to do on the new host once the control plane that [Manifests] has moved runs there: the steps of
// kubeadm init that no file makes, with the configuration that they need. Its commands are the stock kubeadm's and kubectl's,
// can be repeated, and wait for what they need. In the end the Node of the old host is gone, and the new one has its roles,
// taints, and the labels that people had given it.
//
// The configuration is that of [Init], and has no secrets: write it to ConfigPath on the new host. It is stored in the cluster
// only where it has the new host in the places of the old one; else nothing that the cluster has stored changes.
//
// It fails with [ErrNoConfiguration], and if what is stored is of another version or not understood.
func Finish(objects *Objects, from, to Host) (*Plan, error) {
	p, err := initPlan(objects, from.plain(), to.plain(), InitOptions{})
	if err != nil {
		return nil, fmt.Errorf("plan the end of a move: %w", err)
	}
	kubelet, err := readKubelet(objects)
	if err != nil {
		return nil, fmt.Errorf("plan the end of a move: %w", err)
	}
	p.Steps = finishSteps(objects, from, to, len(p.Changes) > 0)
	if rotates, said := kubelet["rotateCertificates"].(bool); !said || rotates { // kubeadm has it so
		p.Steps = append(p.Steps, rotateSteps(to)...)
	}
	p.Steps = append(p.Steps, Step{
		Node: to.Name, Where: to.Name, Stage: joinStage, Do: "remove the configuration", Why: "Nothing reads it any more.",
		Command: []string{"rm", "-f", "--", configPath},
	})
	return p, nil
}

func finishSteps(objects *Objects, from, to Host, changed bool) []Step {
	var steps []Step
	add := func(do, why string, command ...string) {
		steps = append(steps, Step{Node: to.Name, Where: to.Name, Stage: joinStage, Do: do, Why: why, Command: command})
	}
	add("make the Node one of the control plane", "Its own kubelet may not give it that label. Taints are those of the old Node.",
		"kubeadm", "init", "phase", "mark-control-plane", "--config", configPath)
	if changed {
		add("store the configuration", "What is stored has the old host, and the next upgrade would go by it.",
			"kubeadm", "init", "phase", "upload-config", "kubeadm", "--config", configPath)
	}
	steps = append(steps, replaceNode(objects, from, to)...)
	return steps
}

// rotateSteps have the kubelet go by the certificate that it renews.
func rotateSteps(to Host) []Step {
	const own = "/var/lib/kubelet/pki/kubelet-client-current.pem"
	step := Step{Node: to.Name, Where: to.Name, Stage: joinStage}
	wait, use := step, step
	wait.Do, wait.Why = "wait until the kubelet has a certificate of its own", "The cluster signs it once its controllers run."
	wait.Command = []string{"timeout", "300", "sh", "-c", "until [ -e " + own + " ]; do sleep 1; done"}
	use.Do, use.Why = "have the kubelet use that", "The one in its kubeconfig is not renewed, and no kubelet starts once it has "+
		"ended (kubernetes/kubeadm#1753)."
	use.Command = []string{"kubeadm", "init", "phase", "kubelet-finalize", "all", "--config", configPath}
	return []Step{wait, use}
}

// replaceNode has the Node of the new host take the place of the old one's.
func replaceNode(objects *Objects, from, to Host) (steps []Step) {
	if from.Name == to.Name {
		return nil
	}
	step := Step{Node: to.Name, Where: to.Name, Stage: joinStage}
	if old := objects.node(from.Name); old != nil {
		if labels, _ := custom(old); len(labels) > 0 {
			step.Do, step.Why = "give the Node the labels of the old one", "Somebody had given them."
			step.Command = kubectl(append([]string{"label", "node", to.Name, "--overwrite"}, labels...)...)
			steps = append(steps, step)
		}
	}
	step.Do = "delete the Node of the old host"
	step.Why = "No kubelet is behind it any more; its pods are made anew once it is gone."
	step.Command = kubectl("delete", "node", from.Name, "--ignore-not-found")
	return append(steps, step)
}
