package sqlag

import (
	"time"

	"github.com/bcctl/bcctl/internal/lab"
	"github.com/bcctl/bcctl/internal/lab/sqlag/model"
	"github.com/bcctl/bcctl/pkg/readiness"
)

func shippingFaults() []fault {
	only := []Form{LogShipping}
	stopped := func(f func(*model.Shipping, time.Time)) func(*Group) error {
		return on(func(_ *Group, w *model.World) {
			for _, i := range w.Instances {
				f(i.Objects.Shipping, w.Now().Add(-2*time.Hour))
			}
		})
	}
	return []fault{
		{Fault: lab.Fault{Name: "log-backup-late", Help: "no log backup was made for two hours", Shows: codes(readiness.LogBackupLate)}, forms: only,
			inject: stopped(func(s *model.Shipping, t time.Time) { s.BackupStopped = t })},
		{Fault: lab.Fault{Name: "log-copy-late", Help: "no log backup was copied for two hours", Shows: codes(readiness.LogCopyLate)}, forms: only,
			inject: stopped(func(s *model.Shipping, t time.Time) { s.CopyStopped = t })},
		{Fault: lab.Fault{Name: "log-restore-late", Help: "no log backup was restored for two hours", Shows: codes(readiness.LogRestoreLate)}, forms: only,
			inject: stopped(func(s *model.Shipping, t time.Time) { s.RestoreStopped = t })},
	}
}
