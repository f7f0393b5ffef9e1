package sqlag

// requestRows is what the instance is busy with.
func requestRows(s *session) []record {
	var out []record
	for i, w := range s.inst.Objects.Work {
		out = append(out, record{"session_id": 60 + i, "start_time": local(s, w.Began), "status": "running", "command": w.Command, "database_id": s.idOf(w.Database), "percent_complete": 0.0})
	}
	return out
}

// userRows are the users of the database it is asked in. They refer to logins by SID.
func userRows(s *session) []record {
	if s.inst.Database(s.asked) == nil {
		return nil
	}
	var out []record
	add := func(name string, sid []byte) {
		out = append(out, record{"name": name, "principal_id": 5 + len(out), "type": "S", "type_desc": "SQL_USER", "sid": sid, "authentication_type": 1, "authentication_type_desc": "INSTANCE", "is_fixed_role": false})
	}
	for _, name := range []string{UserMonitor, UserExecute, UserHeartbeat, s.group.options.Name + "_app"} {
		sid := s.world().GUID("login", name)
		add(name, sid[:])
	}
	for _, name := range s.inst.Objects.Orphans {
		sid := s.world().GUID("gone", name)
		add(name, sid[:])
	}
	return out
}
