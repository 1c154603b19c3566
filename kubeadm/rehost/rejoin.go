package rehost

import "regexp"

const (
	manifestDir = "/etc/kubernetes/manifests"
	asideDir    = "/etc/kubernetes/manifests.aside"
)

// A kubelet stops nothing until it has seen an API server (HandlePodRemoves and HandlePodCleanups in pkg/kubelet of
// kubernetes/kubernetes), and that of a control plane asks its own one since v1.33, which etcd without quorum keeps from
// starting. So a machine that was booted needs help; others get time to stop what they have.
const (
	kubeletsOwn = "The kubelet stops nothing where it was started later than the API server was lost, so that it is helped " +
		"after a while."
	untilEnded = `command -v ss && command -v pkill && pgrep --ns $$ --nslist net --full -- . || exit 1; tries=0; ` +
		`while ss -Hltn "sport = :$1" | grep -q . || pgrep --ns $$ --nslist net --full -- "$2"; ` +
		`do sleep 1; tries=$((tries + 1)); [ $tries -lt 60 ] || pkill --ns $$ --nslist net --full -- "$2"; done`
	untilUnlocked = `[ -f "$1" ] && until flock --timeout 30 "$1" true; do pkill --full -- "$2" || sleep 1; done`
)

// rejoin brings a member back whose node is as it was: its PKI is the cluster's, so that it needs a place in etcd and no
// kubeadm join.
func (j *joiner) rejoin(n node) {
	own := Member{Name: n.Name, PeerURL: peerURL(n.Address)}
	j.members = append(j.members, own)
	data := j.dataDir + "/member"
	j.step(n.Name, n.Name, "put its data aside", "It is of another past than the restored one: delete it once the cluster is "+
		"well. It fails where some lies aside already: nothing is overwritten.",
		"mv", "--no-target-directory", data, j.dataDir+"/member.aside")
	j.step(n.Name, j.to.Name, "announce it to etcd as a learner", "A learner does not count for the quorum until it has all data.",
		j.etcdctl("member", "add", n.Name, "--learner", "--peer-urls="+own.PeerURL)...).Prints = MemberID
	j.step(n.Name, n.Name, "have its etcd join the cluster", "Its manifest has to name all members, and that they are there "+
		"already: without that it would begin a cluster of its own. Where the command does not fit the manifest, Existing of "+
		"this package rewrites it.",
		"sed", "-i", "-E", "-e", "/^ *- --initial-cluster-state=/d",
		"-e", `s#^( *)- --initial-cluster=.*#\1- --initial-cluster=`+clusterList(j.members)+`\n\1- --initial-cluster-state=existing#`,
		asideDir+"/etcd.yaml")
	j.step(n.Name, n.Name, "see that it does", "It fails where the line was not found, and nothing was changed.",
		"grep", "--quiet", "--", "--initial-cluster-state=existing", asideDir+"/etcd.yaml")
	j.back(n, "etcd", "The kubelet starts it.")
	j.step(n.Name, j.to.Name, "make it a full member", "Etcd refuses until the learner has caught up, so that it is "+
		"repeated until it succeeds. That it \"can only promote a learner member\" says that it has been done.",
		repeat(j.etcdctl("member", "promote", MemberID))...)
	j.apiServer(n)
}

// fence takes the manifests away from the kubelet, and waits for facts. Etcd ends last: what is left of kube-apiserver needs
// it to end.
func (j *joiner) fence(n node) {
	j.step(n.Name, n.Name, "make a place for its manifests", "It fails where there is one: then look at what lies there.",
		"mkdir", "--mode=0700", asideDir)
	j.step(n.Name, n.Name, "stop what writes to etcd", "The kubelet stops what has no manifest.", "mv",
		"--target-directory="+asideDir,
		manifestDir+"/kube-apiserver.yaml", manifestDir+"/kube-controller-manager.yaml", manifestDir+"/kube-scheduler.yaml")
	j.step(n.Name, n.Name, "wait until its kube-apiserver has ended", "What that has in its cache is of another past; its grace "+
		"period is 30 s, most of which its port is closed. "+kubeletsOwn,
		"timeout", "300", "sh", "-c", untilEnded, "port", j.from.port(), running("kube-apiserver", "secure-port", j.from.port()))
	if j.external {
		return
	}
	j.step(n.Name, n.Name, "stop its etcd", "Its data is of another past.", "mv", "--target-directory="+asideDir,
		manifestDir+"/etcd.yaml")
	j.step(n.Name, n.Name, "wait until its etcd has ended", "The file is locked as long as it runs. "+kubeletsOwn,
		"timeout", "300", "sh", "-c", untilUnlocked, "file", j.dataDir+"/member/snap/db",
		running("etcd", "data-dir", j.dataDir))
}

// running is a pattern for the command line of a program that has a flag of a value, to pkill.
func running(program, flag, value string) string {
	return "^([^ ]*/)?" + program + "( .*)? --?" + flag + "[= ]" + regexp.QuoteMeta(value) + "( |$)"
}

func (j *joiner) back(n node, pod, why string) {
	file := pod + ".yaml"
	j.step(n.Name, n.Name, "start its "+pod, why, "mv", "--no-clobber", asideDir+"/"+file, manifestDir+"/"+file)
}

func (j *joiner) apiServer(n node) {
	j.back(n, "kube-apiserver", "Its etcd has the restored data now.")
	j.back(n, "kube-controller-manager", "It waits for the lease of the one that leads.")
	j.back(n, "kube-scheduler", "It waits for the lease of the one that leads.")
	j.step(n.Name, n.Name, "remove the empty place", "It fails where something was left there.", "rmdir", asideDir)
	j.redirect(n)
	j.step(n.Name, n.Name, "restart the kubelet", "It may not start a pod whose manifest has left and come back "+
		"(kubernetes/kubernetes#107483), and watches from another past.",
		"systemctl", "restart", "kubelet")
}

// repeat has a command repeated until it succeeds, for five minutes.
func repeat(command []string) []string {
	return append([]string{"timeout", "300", "sh", "-c", `until "$@"; do sleep 1; done`, "repeat"}, command...)
}
