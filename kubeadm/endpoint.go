package kubeadm

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// localEndpoints returns the URLs at which the node reaches its own etcd: the
// loopback ones that etcd listens on, else all that it advertises.
func localEndpoints(listen Setting, advertised []Setting) ([]Setting, error) {
	local, err := endpoints(listen, func(u *url.URL) bool {
		fromWildcard(u)
		return isLoopback(u.Hostname())
	})
	if err != nil || len(local) > 0 {
		return local, err
	}
	if len(advertised) == 0 {
		return nil, fmt.Errorf("%s has no loopback address and there is no --advertise-client-urls: add one", listen.Source)
	}
	return advertised, nil
}

// fromWildcard turns an address that is listened on into one that can be dialled.
func fromWildcard(u *url.URL) {
	addr, err := netip.ParseAddr(u.Hostname())
	if err != nil || !addr.IsUnspecified() {
		return
	}
	loopback := "127.0.0.1"
	if addr.Is6() {
		loopback = "::1"
	}
	u.Host = net.JoinHostPort(loopback, u.Port())
}

func every(*url.URL) bool { return true }

// endpoints turns a list of URLs into addresses, and keeps those that are wanted.
func endpoints(list Setting, wanted func(*url.URL) bool) ([]Setting, error) {
	var kept []Setting
	if list == (Setting{}) {
		return nil, nil
	}
	for raw := range strings.SplitSeq(list.Value, ",") {
		raw = strings.TrimSpace(raw)
		if strings.HasPrefix(raw, "unix:") || strings.HasPrefix(raw, "unixs:") {
			continue // etcd takes sockets too, which lie in its container
		}
		u, err := parseURL(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", list.Source, err)
		}
		if !wanted(u) {
			continue
		}
		endpoint := Setting{Value: u.String(), Source: list.Source}
		if endpoint.Value != raw {
			endpoint.Source.Rule = "from " + raw
		}
		kept = append(kept, endpoint)
	}
	return kept, nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// parseURL takes what etcd takes for a network address (client/pkg/types/urls.go):
// http or https, a host and a port, no path. Manifests of kubeadm before 1.16 write IPv4 in
// brackets, which Go refuses since CVE-2025-47912. An error shows no password.
func parseURL(raw string) (*url.URL, error) {
	text := raw
	if before, rest, ok := strings.Cut(raw, "["); ok {
		host, after, _ := strings.Cut(rest, "]")
		if addr, err := netip.ParseAddr(host); err == nil && addr.Is4() {
			text = before + host + after
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("what stands there is no URL of the form https://host:port")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Port() == "" || *u != (url.URL{Scheme: u.Scheme, Host: u.Host}) {
		return nil, errors.New("url " + u.Redacted() + " is not of the form https://host:port")
	}
	return u, nil
}
