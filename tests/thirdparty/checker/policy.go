package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// checkPolicy says whether a log of a c2sp.org/tlog-policy signed a head under its own origin, and
// whether enough witnesses cosigned it.
func checkPolicy(arguments []string) error {
	policy, err := os.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(arguments[1])
	if err != nil {
		return err
	}
	origin, _, _ := strings.Cut(string(text), "\n")
	var logged, met bool
	held := map[string]bool{"none": true}
	for number, line := range strings.Split(string(policy), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		switch {
		case fields[0] == "log" && len(fields) >= 2:
			name, _, _ := strings.Cut(fields[1], "+")
			signed, err := signedBy(text, fields[1])
			if err != nil {
				return err
			}
			logged = logged || signed && name == origin
		case fields[0] == "witness" && len(fields) >= 3:
			if held[fields[1]], err = signedBy(text, fields[2]); err != nil {
				return err
			}
		case fields[0] == "group" && len(fields) >= 4:
			if held[fields[1]], err = group(held, fields[2], fields[3:]); err != nil {
				return err
			}
		case fields[0] == "quorum" && len(fields) == 2:
			met = held[fields[1]]
		default:
			return fmt.Errorf("line %d of the policy is none", number+1)
		}
	}
	if !logged {
		return errors.New("no log of the policy signed this under its origin")
	}
	if !met {
		return errors.New("fewer witnesses than the policy asks for")
	}
	return nil
}

// signedBy says whether a key signed; a signature of it that does not verify is an error.
func signedBy(text []byte, vkey string) (bool, error) {
	_, err := openText(text, []string{vkey})
	var unverified *note.UnverifiedNoteError
	if errors.As(err, &unverified) {
		return false, nil
	}
	return err == nil, err
}

func group(held map[string]bool, threshold string, members []string) (bool, error) {
	count := 0
	for _, member := range members {
		signed, ok := held[member]
		if !ok || member == "none" {
			return false, fmt.Errorf("%s is not defined before it is used", member)
		}
		if signed {
			count++
		}
	}
	switch threshold {
	case "all":
		return count == len(members), nil
	case "any":
		return count >= 1, nil
	}
	least, err := strconv.Atoi(threshold)
	if err != nil || least < 1 || least > len(members) {
		return false, errors.New("a group needs a threshold")
	}
	return count >= least, nil
}
