package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/mldsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	noteEd25519     = "\x01"
	cosignEd25519   = "\x04"
	cosignMLDSA44   = "\x06"
	noteMLDSA44     = "\xffliaison ml-dsa-44 note\x00"
	noteMLDSA44Text = "liaison/1 note"
)

// verifier is a key of a kind that golang.org/x/mod does not know.
type verifier struct {
	name   string
	hash   uint32
	verify func(text, signature []byte) bool
}

func (v *verifier) Name() string                       { return v.name }
func (v *verifier) KeyHash() uint32                    { return v.hash }
func (v *verifier) Verify(text, signature []byte) bool { return v.verify(text, signature) }

// newVerifier reads a vkey. Plain Ed25519 is left to golang.org/x/mod.
func newVerifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, fmt.Errorf("%s is no vkey", vkey)
	}
	name := parts[0]
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	made := &verifier{name: name, hash: binary.BigEndian.Uint32(sum[:4])}
	if fmt.Sprintf("%08x", made.hash) != parts[1] {
		return nil, fmt.Errorf("the vkey of %s is damaged", name)
	}
	switch {
	case bytes.HasPrefix(key, []byte(noteEd25519)):
		return note.NewVerifier(vkey)
	case bytes.HasPrefix(key, []byte(cosignEd25519)) && len(key) == 1+ed25519.PublicKeySize:
		made.verify = func(text, signature []byte) bool {
			at, raw, ok := cosigned(signature)
			message := fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text)
			return ok && ed25519.Verify(key[1:], message, raw)
		}
	case bytes.HasPrefix(key, []byte(cosignMLDSA44)):
		public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), key[1:])
		if err != nil {
			return nil, err
		}
		made.verify = func(text, signature []byte) bool {
			at, raw, ok := cosigned(signature)
			message, err := wholeTree(name, at, string(text))
			return ok && err == nil && mldsa.Verify(public, message, raw, nil) == nil
		}
	case bytes.HasPrefix(key, []byte(noteMLDSA44)):
		public, err := mldsa.NewPublicKey(mldsa.MLDSA44(), key[len(noteMLDSA44):])
		if err != nil {
			return nil, err
		}
		made.verify = func(text, signature []byte) bool {
			context := &mldsa.Options{Context: noteMLDSA44Text}
			return mldsa.Verify(public, text, signature, context) == nil
		}
	default:
		return nil, fmt.Errorf("the key of %s is of no kind known here", name)
	}
	return made, nil
}

// cosigned takes the time off a cosignature.
func cosigned(signature []byte) (uint64, []byte, bool) {
	if len(signature) < 8 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(signature), signature[8:], true
}

// wholeTree returns what c2sp.org/tlog-cosignature has a witness sign with ML-DSA-44.
func wholeTree(name string, at uint64, text string) ([]byte, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return nil, fmt.Errorf("this is no head")
	}
	origin := lines[0]
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil {
		return nil, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	message := []byte("subtree/v1\n\x00")
	message = append(append(message, byte(len(name))), name...)
	message = binary.BigEndian.AppendUint64(message, at)
	message = append(append(message, byte(len(origin))), origin...)
	message = binary.BigEndian.AppendUint64(message, 0)
	message = binary.BigEndian.AppendUint64(message, size)
	return append(message, root[:]...), nil
}
