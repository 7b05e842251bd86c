// SPDX-License-Identifier: GPL-2.0

// fdclient.go SOCKET asks fdserver for its descriptor and prints what is in the
// file.
//
// Package net cannot name the family, but it takes a socket that is connected:
// its addresses are those of AF_UNIX.
package main

import (
	"errors"
	"io"
	"log"
	"net"
	"os"
	"syscall"
)

const afVunix = 18

// dial is net.Dial("unix", path), but for the family.
func dial(path string) (*net.UnixConn, error) {
	fd, err := syscall.Socket(afVunix,
		syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close() // FileConn duplicates it
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	return conn.(*net.UnixConn), nil
}

// take receives one descriptor.
func take(conn *net.UnixConn) (*os.File, error) {
	data := make([]byte, 1)
	control := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(data, control)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	if err != nil {
		return nil, err
	}
	if len(messages) != 1 {
		return nil, errors.New("no descriptor came")
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fds[0]), "received"), nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: fdclient SOCKET")
	}
	conn, err := dial(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	file, err := take(conn)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, file); err != nil {
		log.Fatal(err)
	}
}
