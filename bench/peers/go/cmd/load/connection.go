package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// patience is the longest that a call may take.
const patience = 30 * time.Second

// connection speaks HTTP/1.1 over TLS, one call after another. net/http's client costs twice as much CPU a call, which
// a load generator takes from what it measures.
type connection struct {
	address string
	config  *tls.Config
	tls     *tls.Conn // nil where there is none
	reader  *bufio.Reader
	body    []byte // of the last answer, overwritten by the next
}

// call sends a request and reads the answer's status and body, connecting first where there is no connection. The body
// is good until the next call. After an error there is no connection.
func (c *connection) call(request []byte) (status int, body []byte, err error) {
	if c.tls == nil {
		if c.tls, err = tls.Dial("tcp", c.address, c.config); err != nil {
			c.tls = nil
			return 0, nil, err
		}
		c.reader.Reset(c.tls)
	}
	if err = c.tls.SetDeadline(time.Now().Add(patience)); err == nil {
		_, err = c.tls.Write(request)
	}
	ends := true
	if err == nil {
		status, ends, err = c.answer()
	}
	if ends || err != nil {
		c.close()
	}
	return status, c.body, err
}

func (c *connection) close() {
	if c.tls != nil {
		_ = c.tls.Close()
		c.tls = nil
	}
}

// answer reads an answer into c.body, and tells whether the connection ends with it.
func (c *connection) answer() (status int, ends bool, err error) {
	c.body = c.body[:0]
	line, err := c.line()
	if err != nil {
		return 0, true, fmt.Errorf("no answer: %w", err)
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || len(line) < 12 {
		return 0, true, fmt.Errorf("no HTTP/1.1: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, true, err
	}
	length, chunked := -1, false
	for {
		if line, err = c.line(); err != nil {
			return 0, true, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("content-length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, true, err
			}
		case bytes.EqualFold(name, []byte("transfer-encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("connection")):
			ends = bytes.EqualFold(value, []byte("close"))
		}
	}
	if chunked {
		return status, ends, c.chunks()
	}
	if length < 0 {
		return 0, true, errors.New("an answer with neither content-length nor chunks")
	}
	return status, ends, c.take(length)
}

// line reads a line, without its end.
func (c *connection) line() ([]byte, error) {
	line, err := c.reader.ReadSlice('\n')
	return bytes.TrimRight(line, "\r\n"), err
}

// take reads so many bytes more into c.body.
func (c *connection) take(length int) error {
	from := len(c.body)
	if need := from + length; need > cap(c.body) {
		grown := make([]byte, from, 2*need)
		copy(grown, c.body)
		c.body = grown
	}
	c.body = c.body[:from+length]
	_, err := io.ReadFull(c.reader, c.body[from:])
	return err
}

func (c *connection) chunks() error {
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		length, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return err
		}
		if err := c.take(int(length)); err != nil {
			return err
		}
		for { // the end of the chunk's line, or the trailers and the empty line after them
			line, err := c.line()
			if err != nil {
				return err
			}
			if len(line) == 0 {
				break
			}
		}
		if length == 0 {
			return nil
		}
	}
}
