// Copyright (c) 2026, the kube.pcap authors
// GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// netkit makes and answers traffic inside pods; README.md of tests/cluster tells its commands.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"
)

const usage = `netkit serve                                    answer HTTP, TCP and UDP; HTTP_PORT, TCP_PORT, UDP_PORT (8080, 7000, 7001)
netkit get URL                                  ask once: http://…, tcp://host:port, udp://host:port
netkit load URL [INTERVAL]                      ask again and again (1s)
netkit send HOST:PORT COUNT RATE [STREAM [SIZE]]  counted datagrams, RATE a second`

const patience = 3 * time.Second

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "netkit:", err)
		os.Exit(1)
	}
}

func port(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return ":" + value
	}
	return ":" + otherwise
}

func serveTCP(listener net.Listener) {
	for {
		connection, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			io.Copy(connection, connection)
			connection.Close()
		}()
	}
}

func serveUDP(socket net.PacketConn) {
	data := make([]byte, 65536)
	for {
		length, peer, err := socket.ReadFrom(data)
		if err == nil && string(data[:min(4, length)]) != magic {
			socket.WriteTo(data[:length], peer)
		}
	}
}

func serve() {
	host, _ := os.Hostname()
	listener, err := net.Listen("tcp", port("TCP_PORT", "7000"))
	fail(err)
	socket, err := net.ListenPacket("udp", port("UDP_PORT", "7001"))
	fail(err)
	go serveTCP(listener)
	go serveUDP(socket)
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		fmt.Fprintf(answer, "host=%s client=%s path=%s\n", host, request.RemoteAddr, request.URL.Path)
	})
	fmt.Println("serving on", host)
	fail(http.ListenAndServe(port("HTTP_PORT", "8080"), nil))
}

func askHTTP(place *url.URL) error {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(place.String())
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

func ask(place *url.URL) error {
	if place.Scheme == "http" {
		return askHTTP(place)
	}
	connection, err := net.DialTimeout(place.Scheme, place.Host, patience)
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(connection, "netkit %d", time.Now().UnixNano())
	data := make([]byte, 64)
	length, err := connection.Read(data)
	if err == nil {
		fmt.Println(place.Scheme, string(data[:length]))
	}
	return err
}

func load(place *url.URL, interval time.Duration) {
	for ; ; time.Sleep(interval) {
		if err := ask(place); err != nil {
			fmt.Println("error:", err)
		}
	}
}

const magic = "kpcL"

// send paces by the clock. A payload is the magic, the stream (4 bytes), the number (8 bytes, big-endian), then zeroes:
// what tests/lab/sequences.py finds in a capture.
func send(address string, count, rate, stream, size uint64) {
	socket, err := net.Dial("udp", address)
	fail(err)
	payload := make([]byte, max(16, size))
	copy(payload, magic)
	binary.BigEndian.PutUint32(payload[4:], uint32(stream))
	start := time.Now()
	for number := uint64(0); number < count; number++ {
		time.Sleep(time.Until(start.Add(time.Duration(number) * time.Second / time.Duration(rate))))
		binary.BigEndian.PutUint64(payload[8:], number)
		_, err := socket.Write(payload)
		for errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ECONNREFUSED) { // the latter answers an earlier one
			time.Sleep(200 * time.Microsecond)
			_, err = socket.Write(payload)
		}
		fail(err)
	}
	fmt.Printf("{\"sent\": %d, \"stream\": %d, \"seconds\": %.3f}\n", count, stream, time.Since(start).Seconds())
}

func numbers(words []string, otherwise ...uint64) []uint64 {
	for i, word := range words {
		value, err := strconv.ParseUint(word, 10, 64)
		fail(err)
		otherwise[i] = value
	}
	return otherwise
}

func main() {
	command, arguments := "serve", []string{}
	if len(os.Args) > 1 {
		command, arguments = os.Args[1], os.Args[2:]
	}
	var place *url.URL
	if (command == "get" || command == "load") && len(arguments) > 0 {
		var err error
		place, err = url.Parse(arguments[0])
		fail(err)
	}
	switch {
	case command == "serve" && len(arguments) == 0:
		serve()
	case command == "get" && len(arguments) == 1:
		fail(ask(place))
	case command == "load" && len(arguments) == 1:
		load(place, time.Second)
	case command == "load" && len(arguments) == 2:
		interval, err := time.ParseDuration(arguments[1])
		fail(err)
		load(place, interval)
	case command == "send" && len(arguments) >= 3 && len(arguments) <= 5:
		n := numbers(arguments[1:], 1, 1, 0, 64)
		send(arguments[0], n[0], max(1, n[1]), n[2], n[3])
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
}
