package kubeadm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clustersnap/clustersnap/internal/boundedyaml"
)

const (
	// maxFile bounds a manifest and a PEM file; kubeadm's have up to 4 KiB.
	maxFile = 1 << 20
	// maxManifests bounds the memory that a directory can ask for. The kubelet
	// runs 110 pods by default.
	maxManifests = 256
)

type staticPod struct {
	file string
	pod  *corev1.Pod
}

// readStaticPods reads what the kubelet reads (extractFromDir in
// pkg/kubelet/config/file.go): files, also behind links, and no directories.
func readStaticPods(root fs.FS, manifestDir string) ([]staticPod, error) {
	if info, err := fs.Stat(root, manifestDir); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: not a control-plane node, or its root is mounted elsewhere", err)
	} else if err != nil {
		return nil, advise(err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory: restore it, the kubelet reads its static pods from there", manifestDir)
	}
	entries, err := fs.ReadDir(root, manifestDir)
	if err != nil {
		return nil, advise(err)
	}
	var pods []staticPod
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		file := path.Join(manifestDir, entry.Name())
		info, err := fs.Stat(root, file)
		if err != nil {
			return nil, advise(err)
		}
		if !info.Mode().IsRegular() {
			continue
		}
		if len(pods) == maxManifests {
			return nil, fmt.Errorf("%s holds more than %d manifests: remove those that are none", manifestDir, maxManifests)
		}
		pod, err := readPod(root, file)
		if err != nil {
			return nil, err
		}
		pods = append(pods, staticPod{file, pod})
	}
	return pods, checkNames(pods)
}

// checkNames refuses two manifests of one pod: the kubelet runs either of them, now this one and then the other
// (kubernetes/kubeadm#2823, kubernetes/kubernetes#136962).
func checkNames(pods []staticPod) error {
	files := map[string]string{}
	for _, p := range pods {
		name := p.pod.Namespace + "/" + p.pod.Name
		if p.pod.Name == "" {
			continue // the kubelet makes one of the file's
		}
		if other, ok := files[name]; ok {
			return fmt.Errorf("%w: %s and %s both are pod %s: leave one, copies belong outside the directory", ErrAmbiguous, other, p.file, p.pod.Name)
		}
		files[name] = p.file
	}
	return nil
}

// staticPodPath is the directory that the kubelet is told to look in, relative to the node's root, or fallback.
func staticPodPath(root fs.FS, fallback string) (string, error) {
	var config struct {
		StaticPodPath string `json:"staticPodPath"`
	}
	err := readYAML(root, kubeletConfig, &config)
	if errors.Is(err, fs.ErrNotExist) || err == nil && config.StaticPodPath == "" {
		return fallback, nil
	}
	if err != nil {
		return "", err
	}
	return nameInRoot(Setting{Value: path.Clean(config.StaticPodPath), Source: Source{File: kubeletConfig, Key: "staticPodPath"}})
}

const kubeletConfig = "var/lib/kubelet/config.yaml"

func readPod(root fs.FS, file string) (*corev1.Pod, error) {
	pod := new(corev1.Pod)
	if err := readYAML(root, file, pod); err != nil {
		return nil, fmt.Errorf("%w, or move it out of the directory if it is no manifest", err)
	}
	if pod.APIVersion != "v1" || pod.Kind != "Pod" {
		return nil, fmt.Errorf("%s is no v1 Pod but apiVersion %q, kind %q: move it out of the directory", file, pod.APIVersion, pod.Kind)
	}
	return pod, nil
}

func at(place string) string {
	if place == "" {
		return ""
	}
	return ", at " + place
}

// readYAML reads YAML or JSON.
func readYAML(root fs.FS, file string, into any) error {
	data, err := readBounded(root, file)
	if err != nil {
		return err
	}
	err = boundedyaml.Unmarshal(data, into)
	if errors.Is(err, boundedyaml.ErrRepeats) || errors.Is(err, boundedyaml.ErrNotUTF8) {
		return fmt.Errorf("%s cannot be read: %w", file, err)
	}
	if err != nil {
		// What the parser says may show a value.
		return fmt.Errorf("parse %s: it is not of the form that is expected there%s: correct it", file, at(lineForm.FindString(err.Error())))
	}
	return nil
}

var lineForm = regexp.MustCompile(`line \d+`)

// readBounded reads a file of at most maxFile bytes.
func readBounded(root fs.FS, name string) ([]byte, error) {
	file, err := root.Open(name)
	if err != nil {
		return nil, advise(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, advise(err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes: this is not what it should be", name, maxFile)
	}
	return data, nil
}

// advise says what to do about an error of the file system.
func advise(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run as root", err)
	}
	return err
}
