// Checker verifies what Liaison writes with code that is not Liaison's: golang.org/x/mod/sumdb, as
// the Go distribution vendors it, and the signatures of Go's own crypto packages.
//
// It prints what it found and exits with 0, or says why not and exits with 1.
package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var commands = map[string]struct {
	arguments string
	run       func(arguments []string) error
}{
	"note":   {"FILE VKEY...", checkNote},
	"head":   {"FILE ORIGIN VKEY", checkHead},
	"folder": {"DIRECTORY ORIGIN VKEY", checkFolder},
	"paths":  {"DIRECTORY ORIGIN VKEY INDEX OLD", makePaths},
	"proof":  {"FILE ENTRY ORIGIN VKEY", checkProof},
	"growth": {"OLD NEW PATH ORIGIN VKEY", checkGrowth},
	"policy": {"POLICY FILE", checkPolicy},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("which command?")
	}
	command, ok := commands[arguments[0]]
	if !ok || len(arguments[1:]) < len(strings.Fields(command.arguments)) {
		return fmt.Errorf("usage: %s %s", arguments[0], command.arguments)
	}
	return command.run(arguments[1:])
}

// checkNote prints the name of each known key that signed, and how many lines are of others.
func checkNote(arguments []string) error {
	opened, err := open(arguments[0], arguments[1:])
	if err != nil {
		return err
	}
	for _, signature := range opened.Sigs {
		fmt.Println("signed", signature.Name)
	}
	fmt.Println("unknown", len(opened.UnverifiedSigs))
	return nil
}

func checkHead(arguments []string) error {
	tree, err := head(arguments[0], arguments[1], arguments[2])
	if err != nil {
		return err
	}
	fmt.Println("size", tree.N)
	fmt.Println("root", tree.Hash)
	return nil
}

// checkProof verifies a c2sp.org/tlog-proof: that the entry in a file stands below the proof's head.
func checkProof(arguments []string) error {
	text, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	lines, checkpoint, _ := strings.Cut(string(text), "\n\n")
	rest, ok := strings.CutPrefix(lines, "c2sp.org/tlog-proof@v1\n")
	if !ok {
		return errors.New("this is no proof")
	}
	if strings.HasPrefix(rest, "extra ") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	place, path, _ := strings.Cut(rest, "\n")
	index, err := strconv.ParseInt(strings.TrimPrefix(place, "index "), 10, 64)
	if err != nil {
		return err
	}
	hashes, err := parseHashes(path)
	if err != nil {
		return err
	}
	tree, err := parseHead([]byte(checkpoint), arguments[2], arguments[3])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}

// checkGrowth verifies a consistency proof, one hash a line, between two heads of one log.
func checkGrowth(arguments []string) error {
	before, err := head(arguments[0], arguments[3], arguments[4])
	if err != nil {
		return err
	}
	after, err := head(arguments[1], arguments[3], arguments[4])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(arguments[2])
	if err != nil {
		return err
	}
	hashes, err := parseHashes(string(text))
	if err != nil {
		return err
	}
	return tlog.CheckTree(hashes, after.N, after.Hash, before.N, before.Hash)
}

func open(file string, vkeys []string) (*note.Note, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return openText(text, vkeys)
}

func openText(text []byte, vkeys []string) (*note.Note, error) {
	var known []note.Verifier
	for _, vkey := range vkeys {
		verifier, err := newVerifier(vkey)
		if err != nil {
			return nil, err
		}
		known = append(known, verifier)
	}
	return note.Open(text, note.VerifierList(known...))
}

func head(file, origin, vkey string) (tlog.Tree, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return tlog.Tree{}, err
	}
	return parseHead(text, origin, vkey)
}

// parseHead reads a checkpoint. The vendored parser expects the origin of Go's own database, so it is
// given that one in the place of ours, once ours was compared.
func parseHead(text []byte, origin, vkey string) (tlog.Tree, error) {
	opened, err := openText(text, []string{vkey})
	if err != nil {
		return tlog.Tree{}, err
	}
	first, rest, _ := strings.Cut(opened.Text, "\n")
	if first != origin {
		return tlog.Tree{}, fmt.Errorf("a head of %s", first)
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

func parseHashes(text string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range strings.Fields(text) {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, errors.New("this is no hash")
		}
		hashes = append(hashes, tlog.Hash(raw))
	}
	return hashes, nil
}
