// Package readme holds the commands of README.md against the command. Each block of a shell is fenced as sh, or as "sh notest"
// if it takes what no test has, such as three nodes; and each clustersnap command in it has verbs and flags that there are.
package readme
