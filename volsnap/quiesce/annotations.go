package quiesce

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of what annotations may ask for. Velero's default is the timeout of a hook that names none.
const (
	defaultTimeout = 30 * time.Second
	maxTimeout     = time.Hour
	maxCommand     = 64 << 10 // bytes: a command travels in a URL
)

// Command is a hook that a pod's annotations ask for.
type Command struct {
	Container string        // "" is the pod's first container
	Args      []string      // the program and its arguments, run without a shell
	Timeout   time.Duration // of the command, at most an hour
	Continue  bool          // whether the backup goes on when it fails
}

// Annotations reads the hooks that a pod asks for in the annotations of Velero:
//
//	pre.hook.backup.velero.io/command: '["/sbin/fsfreeze", "--freeze", "/data"]'
//	pre.hook.backup.velero.io/container: fsfreeze
//	pre.hook.backup.velero.io/on-error: Fail
//	pre.hook.backup.velero.io/timeout: 30s
//
// and the same with post; without pre or post they are of the pre hook if it has no command otherwise. What has no command is
// nil. A command is a JSON array, or the name of a program that takes no arguments.
//
// What Velero passes over is an error here, because a hook that is misread leaves a database running through its snapshot:
// arrays that are none, programs with spaces in them, timeouts that are none, other words than Fail and Continue, other keys
// below these prefixes, and a container, timeout or on-error without a command. And where Velero's code lets a backup go on
// after the failure of a hook without on-error, this holds to its documentation, which says Fail.
//
// Source: velero, internal/hook/item_hook_handler.go and its page "Backup Hooks".
func Annotations(annotations map[string]string) (pre, post *Command, err error) {
	bare, err := phase(annotations, "hook.backup.velero.io/")
	if err != nil {
		return nil, nil, err
	}
	if pre, err = phase(annotations, "pre.hook.backup.velero.io/"); err != nil {
		return nil, nil, err
	}
	if post, err = phase(annotations, "post.hook.backup.velero.io/"); err != nil {
		return nil, nil, err
	}
	if pre == nil {
		pre = bare
	}
	return pre, post, nil
}

// phase reads the annotations below prefix.
func phase(annotations map[string]string, prefix string) (*Command, error) {
	c := &Command{Timeout: defaultTimeout}
	var keys []string
	for key, value := range annotations {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		keys = append(keys, key)
		if err := c.set(name, value); err != nil {
			return nil, fmt.Errorf("read annotation %.200q of the pod: %w", key, err)
		}
	}
	if c.Args == nil && len(keys) > 0 {
		return nil, fmt.Errorf("read annotation %.200q of the pod: there is no command that it is for", slices.Min(keys))
	}
	if c.Args == nil {
		return nil, nil
	}
	return c, nil
}

// set is one annotation. As for Velero, an empty one is none, but for the command.
func (c *Command) set(name, value string) (err error) {
	switch name {
	case "container":
		c.Container = value
	case "command":
		c.Args, err = parseCommand(value)
	case "on-error":
		c.Continue, err = parseOnError(value)
	case "timeout":
		c.Timeout, err = parseTimeout(value)
	default:
		err = errors.New("there is no such annotation: it is one of container, command, on-error and timeout")
	}
	return err
}

func parseOnError(value string) (goOn bool, err error) {
	switch value {
	case "", "Fail":
		return false, nil
	case "Continue":
		return true, nil
	}
	return false, fmt.Errorf("want Fail or Continue, not %.40q", value)
}

func parseTimeout(value string) (time.Duration, error) {
	if value == "" {
		return defaultTimeout, nil
	}
	timeout, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return 0, fmt.Errorf("want a time as 30s or 2m, not %.40q", value)
	case timeout == 0:
		return defaultTimeout, nil
	case timeout < 0 || timeout > maxTimeout:
		return 0, fmt.Errorf("want a time of at most %v, not %.40q", maxTimeout, value)
	}
	return timeout, nil
}

// parseCommand reads a JSON array of strings, or one program's name. Its errors show nothing of it.
func parseCommand(value string) ([]string, error) {
	if len(value) > maxCommand {
		return nil, fmt.Errorf("a command has at most %d bytes, not %d", maxCommand, len(value))
	}
	if !strings.HasPrefix(value, "[") {
		if strings.ContainsAny(value, " \t\r\n") {
			return nil, errors.New(`no shell splits the command: write a program and its arguments as an array, ["program", "argument"]`)
		}
		return []string{value}, checkCommand([]string{value})
	}
	var list []*string // null would be an empty string
	if err := json.Unmarshal([]byte(value), &list); err != nil || slices.Contains(list, nil) {
		return nil, errors.New(`want an array of strings in JSON, ["program", "argument"]`)
	}
	command := make([]string, len(list))
	for i, s := range list {
		command[i] = *s
	}
	return command, checkCommand(command)
}

// checkCommand refuses what no system can run.
func checkCommand(command []string) error {
	if len(command) == 0 || command[0] == "" {
		return errors.New("the command names no program")
	}
	total := 0
	for _, s := range command {
		if strings.ContainsRune(s, 0) {
			return errors.New("the command has a NUL byte in it")
		}
		total += len(s) + 1
	}
	if total > maxCommand+len(command) {
		return fmt.Errorf("a command has at most %d bytes, not %d", maxCommand, total)
	}
	return nil
}
