package config

func (c *checker) groups() {
	for _, g := range c.repo.Groups {
		o, s := g.Origin, g.Spec
		c.unique(o, "member", namesOf(s.Members, func(m Member) string { return m.Name }), func(i int) []any { return []any{"members", i, "name"} })
		for i, m := range s.Members {
			c.refer(o, "resource or group", m.Name, targets, "members", i, "name")
		}
		for i, name := range s.DependsOn {
			c.refer(o, "resource or group", name, targets, "dependsOn", i)
		}
		if w := s.Caps.PerWindow; w != nil && w.Window <= 0 {
			c.add(o, "caps.perWindow.window is zero", "write a stretch of time, for example 24h", "caps", "perWindow", "window")
		}
	}
}
