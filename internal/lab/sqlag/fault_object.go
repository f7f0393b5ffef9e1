package sqlag

import (
	"slices"
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func objectFaults() []fault {
	objects := func(f func(*model.Objects)) func(*Group) error {
		return on(func(g *Group, w *model.World) {
			for _, i := range w.Instances { // all of the DR site
				if i.Site == g.dr().site {
					f(&i.Objects)
				}
			}
		})
	}
	return []fault{
		{Fault: lab.Fault{Name: "login-drift", Help: "an application's login is missing at the DR site, another has a different SID", Shows: codes(readiness.DriftLogin)}, forms: everywhere(),
			inject: objects(func(o *model.Objects) {
				n := len(o.Logins)
				o.Logins = slices.Clone(o.Logins[:n-1])
				o.Logins[n-2].SID = []byte{9, 9, 9}
			})},
		{Fault: lab.Fault{Name: "job-drift", Help: "a job is missing at the DR site", Shows: codes(readiness.DriftJob)}, forms: everywhere(),
			inject: objects(func(o *model.Objects) { o.Jobs = slices.Delete(slices.Clone(o.Jobs), 2, 3) })},
		{Fault: lab.Fault{Name: "linked-server-drift", Help: "a linked server is missing at the DR site", Shows: codes(readiness.DriftLinkedServer)}, forms: everywhere(),
			inject: objects(func(o *model.Objects) { o.Linked = nil })},
		{Fault: lab.Fault{Name: "certificate-missing", Help: "the certificate of encrypted databases is missing at the DR site", Shows: codes(readiness.DriftCertificate)}, forms: everywhere(),
			inject: objects(func(o *model.Objects) { o.Certificates = slices.Clone(o.Certificates[1:]) })},
		{Fault: lab.Fault{Name: "certificate-expiring", Help: "the endpoint's certificate at the DR site ends in three days", Shows: codes(readiness.CertExpiry)},
			inject: on(func(g *Group, w *model.World) {
				o := &w.Instance(g.dr().name).Objects
				o.Certificates[len(o.Certificates)-1].Expiry = w.Now().Add(3 * 24 * time.Hour)
			})},
		{Fault: lab.Fault{Name: "listener-down", Help: "the listener's address does not come online", Shows: codes(readiness.ListenerDown)}, forms: clustered(),
			inject: on(func(_ *Group, w *model.World) {
				for _, ag := range w.Groups {
					if ag.Listener != nil {
						for n := range ag.Listener.Addresses {
							ag.Listener.Addresses[n].Failed = true
						}
					}
				}
			})},
	}
}
