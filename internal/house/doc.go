// Package house holds the rules that keep the rooms of this repository apart, as tests of the whole source tree.
// It has no code to import.
//
// A room is a package that can be used without its neighbours: rooms meet in the code of their callers, through
// types that everybody has already. rooms_test.go lists the rooms and what each may link, rules_test.go says who
// may import whom, floors_test.go which versions the root go.mod asks of its importers. A new package needs a line
// in the list of rooms before it passes.
//
//	go test ./internal/house
//
// The rules look at what packages import outside their tests: a test may import any room.
package house
