package main

import (
	"bytes"
	"fmt"
)

// expected is what an answer has to be.
type expected int

const (
	anything  expected = iota // whatever has status 200
	allowed                   // the call's uid, allowed
	allowedBy                 // the same, with a patch
)

// fault is what is wrong with an answer, empty if nothing is. It looks for what must be there without parsing: the
// client's CPU is part of what is measured.
func (e expected) fault(status int, body, uid []byte) string {
	switch {
	case status != 200:
		return fmt.Sprintf("status %d: %s", status, beginning(body))
	case e == anything:
		return ""
	case !bytes.Contains(body, uid):
		return fmt.Sprintf("not the uid that was sent, %s: %s", uid, beginning(body))
	case !bytes.HasPrefix(value(body, `"allowed"`), []byte("true")):
		return "not allowed: " + string(beginning(body))
	case e == allowedBy && (len(value(body, `"patch"`)) < 8 || value(body, `"patch"`)[0] != '"'):
		return "no patch: " + string(beginning(body))
	}
	return ""
}

// value is what follows a key, to the end of the body.
func value(body []byte, key string) []byte {
	_, after, _ := bytes.Cut(body, []byte(key))
	return bytes.TrimLeft(after, " :")
}

func beginning(body []byte) []byte {
	return body[:min(len(body), 300)]
}
