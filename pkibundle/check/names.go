package check

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/clustersnap/clustersnap/pkibundle/internal/material"
	"github.com/clustersnap/clustersnap/pkibundle/internal/role"
)

// wanted is a name or address that clients use for a server, and who says so.
type wanted struct{ host, source string }

// names looks whether the certificates of servers are for the names and addresses that their clients use
// (GetAPIServerAltNames and GetEtcdAltNames in cmd/kubeadm/app/util/pkiutil/pki_helpers.go of kubernetes/kubernetes).
func (in *inspection) names() {
	in.valid(role.APIServerCert, in.apiServerNames())
	var local []wanted
	for _, w := range in.advertised(apiServer, "etcd-servers") {
		if isLoopback(w.host) { // others are those of other members
			local = append(local, w)
		}
	}
	in.valid(role.EtcdServerCert, append(in.advertised(etcd, "advertise-client-urls"), local...))
	in.valid(role.EtcdPeerCert, in.advertised(etcd, "initial-advertise-peer-urls"))
}

// valid holds the certificate of a server against names.
func (in *inspection) valid(r string, names []wanted) {
	for _, f := range in.with(r) {
		certs := in.certificates(f)
		if len(certs) == 0 {
			continue
		}
		done := map[string]bool{}
		for _, w := range names {
			if !done[w.host] && certs[0].VerifyHostname(w.host) != nil {
				in.report(Fatal, MissingName, f, "its certificate is not for %s (%s): issue it anew, for that one too",
					w.host, w.source)
			}
			done[w.host] = true
		}
	}
}

func (in *inspection) apiServerNames() []wanted {
	if in.programs[apiServer] == nil {
		return nil
	}
	names := []wanted{{"kubernetes.default.svc", "as pods call the API"}}
	if host := in.flag(apiServer, "advertise-address"); specified(host) {
		names = append(names, wanted{host, apiServer + " --advertise-address"})
	}
	first, _, _ := strings.Cut(in.flag(apiServer, "service-cluster-ip-range"), ",")
	if services, err := netip.ParsePrefix(first); err == nil {
		own := services.Masked().Addr().Next().String()
		names = append(names, wanted{own, "the first address of " + apiServer + " --service-cluster-ip-range"})
	}
	for _, f := range in.with(role.AdminConf) {
		k, err := material.ParseKubeconfig(f.Data)
		if err != nil {
			continue
		}
		k.Clear()
		if k.Insecure {
			continue
		}
		if u, err := url.Parse(k.Server); err == nil && k.ServerName == "" && isHost(u.Hostname()) {
			names = append(names, wanted{u.Hostname(), "the server in " + f.Path})
		}
		if isHost(k.ServerName) {
			names = append(names, wanted{k.ServerName, "the tls-server-name in " + f.Path})
		}
	}
	return names
}

// advertised are the hosts of the URLs of a flag, those with TLS.
func (in *inspection) advertised(program, flag string) []wanted {
	var names []wanted
	for _, u := range in.urls(program, flag) {
		if host := u.Hostname(); u.Scheme == "https" && (specified(host) || !isIP(host)) {
			names = append(names, wanted{host, program + " --" + flag})
		}
	}
	return names
}

// specified says of an IP address that it is that of one host.
func specified(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && !ip.IsUnspecified()
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}
