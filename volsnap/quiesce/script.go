package quiesce

// freezeScript is run by sh in the container with the seconds until the switch fires and the mount point as its arguments, then
// the mount point as /proc/self/mountinfo has it, and "part" if the volume is mounted by a subPath. Its first line carries the
// token by which the thaw finds its processes, so it comes after a # and before a newline.
//
// Some storages give a folder of the node's disk as a volume, and then all of the node would stand still. So what is mounted
// must be a whole file system, unless Kubernetes was asked for a part of one, and none from which the node has mounted its own
// files into the container.
//
// The switch is armed first, without any of our streams, which would keep the connection open as long as it lives. It sleeps
// in the background and waits, so that it can be ended at once, with its sleep. The freeze is in the foreground, so that its
// failure is seen; then the switch is ended, because what is frozen by then somebody else has frozen. A freeze waits until all
// that was written is on the disk, and may last longer than the switch, which then had nothing to thaw: what it left frozen is
// thawed.
//
// The long options are those that the fsfreeze of util-linux and that of busybox have in common.
const freezeScript = `
at=$(cd -P "$2" && pwd -P)
whole=
disk=
node=
while read -r id parent device root point rest; do
	case $point in
	"$3" | "$at") whole=$root disk=$device ;;
	/etc/hosts | /etc/hostname | /etc/resolv.conf | /dev/termination-log) node="$node $device " ;;
	esac
done </proc/self/mountinfo
case $whole/$4 in
// | /*/part) ;;
*)
	echo "not frozen: it is no mount of a whole file system, but a folder of one that others may use, too" >&2
	exit 1
	;;
esac
case $node in
*" $disk "*)
	echo "not frozen: it is on the file system that the node has its own files on" >&2
	exit 1
	;;
esac
(
	trap 'kill $asleep; exit' TERM
	sleep "$1" & asleep=$!
	wait $asleep
	fsfreeze --unfreeze "$2"
) </dev/null >/dev/null 2>&1 &
switch=$!
fsfreeze --freeze "$2" || {
	code=$?
	kill $switch
	exit $code
}
kill -0 $switch 2>/dev/null || {
	fsfreeze --unfreeze "$2"
	echo "the switch had fired before the file system was frozen" >&2
	exit 1
}
`

// thawScript is run by sh with the token and the mount point as its arguments, and with "sure" if the freeze is known to have
// succeeded. It prints one of the words below, or fails with what fsfreeze said, and leaves the switch armed then.
//
// It thaws before it ends the switch, so that there is always one of the two that will. Processes of the freeze are those with
// the token in the first line of their command line: that of this script has it further down.
const thawScript = `
LC_ALL=C
export LC_ALL
said=$(fsfreeze --unfreeze "$2" 2>&1)
code=$?
found=
count=0
for file in /proc/[0-9]*/cmdline; do
	line=
	{ IFS= read -r line <"$file"; } 2>/dev/null
	case $line in
	*"$1"*)
		process=${file#/proc/}
		found="$found ${process%/cmdline}"
		count=$((count + 1))
		;;
	esac
done
case $code/$said in
0/*) word=thawed ;;
*"Invalid argument"*)
	case $count in
	0) word=fired ;;
	1) word=armed ;;
	*) word=freezing ;;
	esac
	;;
*)
	echo "$said" >&2
	exit $code
	;;
esac
case $word/$3 in
thawed/* | */sure) [ -z "$found" ] || kill $found 2>/dev/null ;;
esac
echo $word
`

// What thawScript prints.
const (
	saidThawed   = "thawed"   // it was frozen until now, and the switch is ended
	saidFired    = "fired"    // it was not frozen any more, and there is no switch
	saidArmed    = "armed"    // it was not frozen any more, but the switch has not done that
	saidFreezing = "freezing" // it is not frozen yet, the command is at it
)
