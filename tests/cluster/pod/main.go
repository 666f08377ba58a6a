// The program in the containers of the cluster's own tests, and the one that holds a pod's
// namespaces (the pause container): it does nothing until it is asked to end.
package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = "usage: pod [pause | listen PORT... | resolve NAME | connect HOST:PORT | write FILE TEXT | read FILE]"

func main() {
	arguments := append(os.Args[1:], "", "", "")
	var said string
	var err error
	switch arguments[0] {
	case "", "pause":
		pause()
	case "listen":
		listen(os.Args[2:])
		pause()
	case "resolve":
		var addresses []string
		addresses, err = net.LookupHost(arguments[1])
		said = strings.Join(addresses, "\n")
	case "connect":
		_, err = net.DialTimeout("tcp", arguments[1], 2*time.Second)
		said = "connected"
	case "write":
		err = os.WriteFile(arguments[1], []byte(arguments[2]), 0o644)
	case "read":
		var content []byte
		content, err = os.ReadFile(arguments[1])
		said = string(content)
	default:
		err = fmt.Errorf("%s", usage)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(said)
}

// Takes every call and hangs up.
func listen(ports []string) {
	for _, port := range ports {
		listener, err := net.Listen("tcp", ":"+port)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		go func() {
			for {
				if connection, err := listener.Accept(); err == nil {
					connection.Close()
				}
			}
		}()
	}
}

// As the first process of its PID namespace it also gets the orphans, which Go's runtime does not
// collect by itself.
func pause() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	fmt.Println("ready")
	<-signals
	os.Exit(0)
}
