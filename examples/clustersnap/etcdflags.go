package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/clustersnap/clustersnap/etcdsnap"
)

// etcdFlags say where etcd is and how to get in.
type etcdFlags struct {
	endpoints          []string
	ca, cert, key      string
	user, passwordFile string
	dataDir, walDir    string
	stopped            bool
	prefix             string
	to                 string
}

// access are the flags of a member that runs.
func (o *etcdFlags) access(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&o.endpoints, "endpoints", nil, "the members' client `URL`s")
	f.StringVar(&o.ca, "cacert", "", "the `FILE` with the CA of etcd's certificates")
	f.StringVar(&o.cert, "cert", "", "the `FILE` with a client certificate")
	f.StringVar(&o.key, "key", "", "the `FILE` with its key")
	f.StringVar(&o.user, "user", "", "a `NAME` with the root role, if authentication is on")
	f.StringVar(&o.passwordFile, "password-file", "", "the `FILE` with that user's password")
}

// check says what is wrong with the flags together.
func (o etcdFlags) check() error {
	switch {
	case o.to == "" || o.to == "-":
		return errors.New("no destination: give --to FILE")
	case o.stopped && o.dataDir == "":
		return errors.New("--stopped wants --data-dir DIR")
	case o.stopped && len(o.endpoints) > 0:
		return errors.New("a stopped member has no --endpoints: leave one of the flags out")
	case !o.stopped && len(o.endpoints) == 0:
		return errors.New("no member to save from: give --endpoints URL")
	case (o.cert == "") != (o.key == ""):
		return errors.New("--cert and --key go together")
	case (o.user == "") != (o.passwordFile == ""):
		return errors.New("--user and --password-file go together")
	default:
		return nil
	}
}

// dial connects to the members. The caller closes it.
func (o etcdFlags) dial(ctx context.Context) (*clientv3.Client, error) {
	config, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	opts := etcdsnap.DialOptions{Username: o.user}
	if o.passwordFile != "" {
		b, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return nil, err
		}
		opts.Password = strings.TrimRight(string(b), "\r\n")
	}
	client, err := etcdsnap.Dial(ctx, o.endpoints, config, opts)
	at := (*net.OpError)(nil)
	switch {
	case errors.As(err, new(x509.UnknownAuthorityError)):
		err = fmt.Errorf("%w: give etcd's own --cacert, on a node /etc/kubernetes/pki/etcd/ca.crt", err)
	case errors.As(err, &at) && at.Op == "remote error": // etcd's, about who comes
		err = fmt.Errorf("%w: give another --cert and --key, on a node /etc/kubernetes/pki/etcd/healthcheck-client.crt and .key", err)
	}
	return client, err
}

func (o etcdFlags) tlsConfig() (*tls.Config, error) {
	if o.ca == "" && o.cert == "" {
		return nil, nil
	}
	config := &tls.Config{}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, fmt.Errorf("read --cert %s and --key %s: %w: give a certificate and its key, in PEM", o.cert, o.key, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	if o.ca != "" {
		b, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("--cacert %s holds no certificate: give the CA of etcd's, in PEM", o.ca)
		}
	}
	return config, nil
}
