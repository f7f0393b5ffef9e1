"use strict";
(function () {
  var doc = document, root = doc.documentElement, replay = root.hasAttribute("data-replay");
  var all = function (q, in_) { return Array.prototype.slice.call((in_ || doc).querySelectorAll(q)); };
  var id = function (name) { return doc.getElementById(name); };
  var SIGN = { r: "✗", u: "?", y: "!", g: "✓" }, WORD = { r: "RED", u: "UNKNOWN", y: "YELLOW", g: "GREEN" }, RANK = { r: 0, u: 1, y: 2, g: 3 };
  var SKEW = 2; // seconds, as bcctl has it

  // What a status is at the reader's time. It only gets worse: nothing here makes
  // a status that the page was not written with green.
  function at(u, now) {
    var s = u.s in RANK ? u.s : "u", early = u.e > now + SKEW, over = !u.v || u.v <= now;
    if (replay) return { s: s, old: false, why: "" };
    if (early) return { s: s === "r" ? "r" : "u", old: true, why: "reached in the future of this computer's clock" };
    if (over) return { s: s === "r" ? "r" : "u", old: true, why: u.v ? "expired " + span(now - u.v) + " ago" : "" };
    if (s === "g" && u.o && u.o <= now) s = "y";
    return { s: s, old: false, why: span(u.v - now) + " left" };
  }

  function span(s) {
    s = Math.max(0, Math.floor(s));
    var d = Math.floor(s / 86400), h = Math.floor(s / 3600) % 24, m = Math.floor(s / 60) % 60;
    if (d) return d + "d" + (h ? h + "h" : "");
    if (h) return h + "h" + (m ? m + "m" : "");
    return m ? m + "m" : s + "s";
  }

  function say(node, text) { if (node && node.textContent !== text) node.textContent = text; }

  // A place for what the script has to say, behind what the page says.
  function add(to) {
    if (!to) return null;
    var have = to.querySelector(".rel"), el = have || doc.createElement("span");
    el.className = "rel";
    if (!have) to.appendChild(el);
    return el;
  }

  function units(list) {
    return list.map(function (el) {
      var d = el.dataset;
      // A node was judged with its resource.
      return { el: el, s: d.s, v: +d.v, e: +(d.e || el.closest(".w").dataset.e), o: +d.o || 0, a: +d.a || 0, chip: el.querySelector(".s"), rel: add(el.querySelector(".x")), age: add(el.querySelector(".a")),
        n: d.n || (el.querySelector(".n") || el).textContent, l: d.l ? [d.l] : all(".e", el).map(function (x) { return x.dataset.l; }), g: d.g ? d.g.split("\n") : [], p: d.p || "", t: d.t || "", is: "", now: null };
    });
  }

  var rows = units(all("#rows>.w")), nodes = units(all(".e")), groups = units(all("#groups>li")), sites = units(all("#sites>li"));
  var ages = all(".rel[data-a]").map(function (el) { return { age: el, a: +el.dataset.a }; }).concat(rows);
  var word = function (s, old) { return SIGN[s] + " " + WORD[s] + (replay ? " then" : old && s === "r" ? ", stale" : ""); };

  function paint(u, r) {
    if (u.is !== r.s + r.old) {
      u.is = r.s + r.old;
      u.chip.className = "s " + r.s + (r.old ? " old" : "");
      say(u.chip, word(r.s, r.old));
      u.el.dataset.is = r.s;
      u.now = r.s;
      u.old = r.old;
      u.changed = true;
    }
    say(u.rel, r.why ? "(" + r.why + ")" : "");
  }

  function worst(list) { return list.reduce(function (a, b) { return RANK[b] < RANK[a] ? b : a; }, "g"); }

  function count(u, list) {
    var n = { r: 0, u: 0, y: 0, g: 0 }, box = u.el.querySelector(".cs");
    list.forEach(function (s) { n[s]++; });
    var text = Object.keys(RANK).filter(function (s) { return n[s]; });
    var key = text.map(function (s) { return s + n[s]; }).join();
    if (u.key === key) return;
    u.key = key;
    box.textContent = "";
    text.forEach(function (s) {
      var el = doc.createElement("span");
      el.className = s;
      el.textContent = n[s] + " " + WORD[s];
      box.appendChild(el);
      box.appendChild(doc.createTextNode(" "));
    });
  }

  // Worst first, also when something has expired. What has the focus keeps it.
  function sort(list) {
    if (!list.length) return;
    var order = list.slice().sort(function (a, b) { return RANK[a.now] - RANK[b.now] || (a.n < b.n ? -1 : a.n > b.n ? 1 : 0); });
    if (order.every(function (u, i) { return u === list[i]; })) return;
    var focus = doc.activeElement, parent = list[0].el.parentNode;
    order.forEach(function (u, i) { list[i] = u; parent.appendChild(u.el); });
    if (focus && focus !== doc.activeElement && parent.contains(focus)) focus.focus({ preventScroll: true });
  }

  function tick() {
    var now = Date.now() / 1000, total = { r: 0, u: 0, y: 0, g: 0 }, expired = 0, early = 0, changed = false;
    nodes.forEach(function (u) { paint(u, at(u, now)); });
    rows.forEach(function (u) {
      var r = at(u, now);
      paint(u, r);
      if (u.changed) { changed = true; u.changed = false; }
      total[r.s]++;
      if (r.old) expired++;
      if (u.e > now + SKEW) early++;
    });
    groups.forEach(function (u) {
      var r = at(u, now), members = rows.filter(function (x) { return x.g.indexOf(u.n) >= 0; }).map(function (x) { return x.now; });
      if (r.s === "g" && worst(members) !== "g") r.s = "y";
      count(u, members);
      paint(u, r);
    });
    sites.forEach(function (u) {
      var r = at(u, now), here = nodes.filter(function (x) { return x.l[0] === u.n; }).map(function (x) { return x.now; });
      r.s = worst(here.concat(r.s));
      count(u, here);
      paint(u, r);
    });
    ages.forEach(function (x) { say(x.age, replay || !x.a ? "" : x.a > now + SKEW ? "(in the future)" : "(" + span(now - x.a) + " ago)"); });
    all("#counts>li").forEach(function (li) {
      say(li.querySelector("b"), String(total[li.dataset.k]));
      li.classList.toggle("none", !total[li.dataset.k]);
    });
    var verdict = rows.length ? worst(rows.concat(groups).map(function (u) { return u.now; })) : "u", big = id("worst");
    var old = rows.concat(groups).every(function (u) { return u.now !== verdict || u.old; });
    if (big.dataset.is !== verdict + old) {
      big.dataset.is = verdict + old;
      big.className = "s " + verdict + (old ? " old" : "");
      say(big, word(verdict, old));
      doc.title = WORD[verdict] + (replay ? " then" : "") + doc.title.slice(doc.title.indexOf(","));
    }
    var text = "";
    if (early) text = early + " of " + rows.length + " verdicts were reached in the future of this computer's clock. One of the clocks is wrong; they are UNKNOWN.";
    else if (expired) text = expired + " of " + rows.length + " verdicts have expired, so this page does not show how it is now. To look again: " + id("again").textContent;
    var box = id("old");
    box.className = text ? "note loud" : "";
    say(box, text);
    if (changed || !tick.done) { tick.done = true; sort(rows); sort(groups); sort(sites); apply(); }
  }

  // The filter.
  var form = id("filter"), q = id("q"), picks = ["platform", "tier", "site", "group"].map(id).filter(Boolean);
  function pick(name) { var el = id(name); return el ? el.value : ""; }
  function apply() {
    var words = q.value.toLowerCase().split(/\s+/).filter(Boolean), st = all("#st input:checked").map(function (x) { return x.value; });
    var p = pick("platform"), t = pick("tier"), l = pick("site"), g = pick("group"), n = 0;
    rows.forEach(function (u) {
      if (words.length && u.text === undefined) u.text = (u.el.firstElementChild.textContent + " " + u.g.join(" ") + " " + all(".why,.facts dd,thead bdi", u.el).map(function (x) { return x.textContent; }).join(" ")).toLowerCase();
      var show = (!st.length || st.indexOf(u.now) >= 0) && (!p || u.p === p) && (!t || u.t === t) && (!l || u.l.indexOf(l) >= 0) && (!g || u.g.indexOf(g) >= 0) &&
        words.every(function (w) { return u.text.indexOf(w) >= 0; });
      if (u.el.hidden === show) u.el.hidden = !show;
      if (show) n++;
    });
    say(id("shown"), n + " of " + rows.length);
    id("none").hidden = n > 0 || !rows.length;
    all(".lights a").forEach(function (a) {
      var name = a.closest("li").dataset.n;
      a.setAttribute("aria-current", String(name === (a.closest("#groups") ? g : l)));
    });
  }
  function clear() {
    q.value = "";
    all("#st input").forEach(function (x) { x.checked = false; });
    picks.forEach(function (x) { x.value = ""; });
    apply();
  }
  form.hidden = false;
  form.addEventListener("input", apply);
  form.addEventListener("change", apply);
  form.addEventListener("submit", function (e) { e.preventDefault(); });
  id("clear").addEventListener("click", clear);
  all(".lights").forEach(function (ul) {
    ul.addEventListener("click", function (e) {
      var a = e.target.closest("a"), el = a && id(ul.id === "groups" ? "group" : "site");
      if (!el) return;
      var name = a.closest("li").dataset.n;
      el.value = el.value === name ? "" : name;
      apply();
    });
  });

  // The keyboard.
  function shown() { return rows.filter(function (u) { return !u.el.hidden; }).map(function (u) { return u.el.firstElementChild; }); }
  function move(by) {
    var list = shown(), here = list.indexOf(doc.activeElement.closest ? (doc.activeElement.closest(".w") || doc.activeElement).firstElementChild : null);
    var next = list[here < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(Math.max(here + by, 0), list.length - 1)];
    if (next) next.focus();
  }
  doc.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    var el = e.target, typing = /^(INPUT|SELECT|TEXTAREA)$/.test(el.tagName) && el.type !== "checkbox", onRow = el.tagName === "SUMMARY";
    if (e.key === "Escape") {
      var open = el.closest && el.closest(".w[open]");
      if (open) { open.open = false; open.firstElementChild.focus(); }
      else { clear(); if (typing) el.blur(); }
    } else if (typing) {
      if (el === q && (e.key === "ArrowDown" || e.key === "Enter")) { e.preventDefault(); move(1); }
    } else if (e.key === "/") { e.preventDefault(); q.focus(); q.select(); }
    else if (e.key === "j" || onRow && e.key === "ArrowDown") { e.preventDefault(); move(1); }
    else if (e.key === "k" || onRow && e.key === "ArrowUp") { e.preventDefault(); move(-1); }
  });

  // Light and dark.
  var theme = id("theme"), modes = ["system", "dark", "light"], mode = "system";
  function keep(value) { try { if (value) localStorage.setItem("bcctl-theme", value); return localStorage.getItem("bcctl-theme"); } catch (e) { return null; } }
  function show(value) {
    mode = modes.indexOf(value) < 0 ? "system" : value;
    if (mode === "system") root.removeAttribute("data-theme"); else root.setAttribute("data-theme", mode);
    theme.textContent = "Theme: " + mode;
  }
  show(keep());
  theme.hidden = false;
  theme.addEventListener("click", function () { show(modes[(modes.indexOf(mode) + 1) % 3]); keep(mode); });

  tick();
  id("off").hidden = true;
  setInterval(tick, 1000);
  doc.addEventListener("visibilitychange", tick);
  window.addEventListener("pageshow", tick);
})();
