// SPDX-License-Identifier: GPL-2.0

// A server and its clients, with the local sockets of package net.
package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func main() {
	l, err := net.Listen("unix", os.Args[1]+"/go.sock")
	check(err)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			c, err := net.Dial("unix", os.Args[1]+"/go.sock")
			check(err)
			data := make([]byte, 300000)
			for k := range data {
				data[k] = byte(k * (i + 3))
			}
			go func() {
				c.Write(data)
				c.(*net.UnixConn).CloseWrite()
			}()
			back, err := io.ReadAll(c)
			check(err)
			if sha256.Sum256(back) != sha256.Sum256(data) {
				check(fmt.Errorf("%d differs", i))
			}
		}(i)
	}
	all.Wait()
	a, err := net.ListenUnixgram("unixgram",
		&net.UnixAddr{Name: os.Args[1] + "/dgram", Net: "unixgram"})
	check(err)
	b, err := net.Dial("unixgram", os.Args[1]+"/dgram")
	check(err)
	_, err = b.Write([]byte("datagram"))
	check(err)
	buf := make([]byte, 100)
	n, err := a.Read(buf)
	check(err)
	fmt.Println("all came back,", string(buf[:n]))
	os.Stdin.Read(buf)
	l.Close()
}
