/* Progressive enhancement only: every action on these pages is a link or a form that works without this file. */
(function () {
  "use strict";
  var doc = document;
  var store = { get: function (k) { try { return localStorage.getItem(k); } catch (e) { return null; } },
                set: function (k, v) { try { localStorage.setItem(k, v); } catch (e) { /* private mode */ } },
                drop: function (k) { try { localStorage.removeItem(k); } catch (e) { /* private mode */ } },
                keys: function () { try { return Object.keys(localStorage); } catch (e) { return []; } } };

  function say(text) { var r = doc.getElementById("live"); if (r) { r.textContent = ""; setTimeout(function () { r.textContent = text; }, 30); } }
  function typing(el) { return el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) && el.type !== "checkbox"); }

  /* ---- selection and bulk bar ---- */
  function bulk() { return doc.querySelector("[data-bulk]"); }
  function rows() { return Array.prototype.slice.call(doc.querySelectorAll("tr.row")); }
  function refreshSelection(announce) {
    var bar = bulk();
    if (!bar) return;
    var on = rows().filter(function (r) { var c = r.querySelector(".check"); var s = c && c.checked; r.setAttribute("aria-selected", s ? "true" : "false"); return s; });
    bar.hidden = on.length === 0;
    var sum = bar.querySelector("[data-sum]");
    var words = bar.dataset.selected.replace("{n}", on.length);
    if (sum) sum.textContent = words;
    if (announce) say(words);
  }
  var anchor = null;
  function selectRange(row) {
    var all = rows(), from = all.indexOf(anchor), to = all.indexOf(row);
    if (from < 0) from = to;
    all.slice(Math.min(from, to), Math.max(from, to) + 1).forEach(function (r) { r.querySelector(".check").checked = true; });
    refreshSelection(true);
  }
  doc.addEventListener("change", function (e) {
    var t = e.target;
    if (t.matches("[data-group-check]")) t.closest("tbody").querySelectorAll("tr.row .check").forEach(function (c) { c.checked = t.checked; });
    if (t.matches("[data-page-check]")) doc.querySelectorAll("tr.row .check, [data-group-check]").forEach(function (c) { c.checked = t.checked; });
    if (t.matches(".check")) refreshSelection(true);
  });
  doc.addEventListener("click", function (e) {
    var c = e.target.closest("[data-clear]");
    if (c) { doc.querySelectorAll(".check").forEach(function (x) { x.checked = false; }); refreshSelection(true); }
    var box = e.target.closest("tr.row .check");
    if (box) { if (e.shiftKey && box.checked) selectRange(box.closest("tr")); anchor = box.closest("tr"); }
    var o = e.target.closest("[data-open]");
    if (o) { var d = doc.getElementById(o.dataset.open); if (d && d.showModal) { e.preventDefault(); d.showModal(); } }
    var link = e.target.closest("[data-copy]");
    if (link) navigator.clipboard.writeText(new URL(link.dataset.copy, location.href).href).then(function () { link.textContent = link.dataset.copied; say(link.dataset.copied); });
  });

  /* ---- type-ahead in a menu of many values ---- */
  doc.addEventListener("input", function (e) {
    if (!e.target.matches("[data-narrow]")) return;
    var words = e.target.value.trim().toLowerCase();
    e.target.parentNode.querySelectorAll(".facet-values li").forEach(function (li) { li.hidden = !li.querySelector(":checked") && li.textContent.toLowerCase().indexOf(words) < 0; });
  });

  /* ---- keyboard (off or remapped to Alt+key in Settings > Display; WCAG 2.1.4) ---- */
  var mode = doc.documentElement.dataset.keys || "single", goes = 0;
  function current() { var a = doc.activeElement && doc.activeElement.closest && doc.activeElement.closest("tr.row"); return a || doc.querySelector("tr.row.current"); }
  function go(delta) {
    var all = rows(); if (!all.length) return;
    var i = all.indexOf(current()); i = Math.max(0, Math.min(all.length - 1, i + delta));
    all.forEach(function (r) { r.classList.remove("current"); }); all[i].classList.add("current");
    all[i].querySelector(".title").focus(); all[i].scrollIntoView({ block: "nearest" });
  }
  doc.addEventListener("keydown", function (e) {
    var menu = e.key === "Escape" && doc.querySelector("details.menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); return; }
    if (e.key === "Escape" && typing(doc.activeElement)) { doc.activeElement.blur(); return; }
    if ((e.ctrlKey || e.metaKey) && e.key === "Enter") { var f = doc.activeElement && doc.activeElement.form; if (f) { e.preventDefault(); f.requestSubmit(); } return; }
    if (mode === "off" || e.ctrlKey || e.metaKey || typing(doc.activeElement) || doc.querySelector("dialog[open]")) return;
    if (mode === "alt" ? !e.altKey : e.altKey) return;
    var k = e.key, r = current(), bar = bulk(), el;
    if (Date.now() - goes < 1500) { goes = 0; el = doc.querySelector('[data-go="' + k + '"]'); if (el) { e.preventDefault(); el.click(); return; } }
    if (k === "g") goes = Date.now();
    else if (k === "j") go(1); else if (k === "k") go(-1);
    else if (k === "/") { el = doc.getElementById("q"); if (el) el.focus(); }
    else if (k === "?") { el = doc.getElementById("keys"); if (el) el.showModal(); }
    else if (k === "x" && r && (el = r.querySelector(".check"))) { el.checked = !el.checked; anchor = r; refreshSelection(true); }
    else if (k === "X" && r && bar) selectRange(r);
    else if (k === "s" && (r = r || rows()[0]) && (el = r.querySelector("[data-step]"))) el.click();
    else if (k === "[" || k === "]") { el = doc.querySelector(k === "]" ? "[rel=next]" : "[rel=prev]"); if (el) el.click(); }
    else { el = doc.querySelector('[data-key="' + (window.CSS && CSS.escape ? CSS.escape(k) : k) + '"]'); if (!el) return;
      if (bar && r && bar.contains(el) && bar.hidden) { r.querySelector(".check").checked = true; refreshSelection(false); } /* an act on the row one stands on */
      if (el.closest("[hidden]")) return;
      if (typing(el)) { var fold = el.closest("details"); if (fold) fold.open = true; el.focus(); } else el.click(); }
    e.preventDefault();
  });

  /* ---- who is on this exception: said every 20 s while the page is seen; it locks nothing ---- */
  var being = null, dirty = false;
  function beat(doing) {
    if (doing !== "gone" && (doc.hidden || !being)) return;
    being.elements.doing.value = doing;
    if (doing === "gone") navigator.sendBeacon(being.action, new FormData(being));
    else fetch(being.action, { method: "POST", body: new FormData(being), credentials: "same-origin" }).catch(function () { /* the next one */ });
  }
  function doing() { return dirty ? "editing" : "looking"; }
  doc.addEventListener("input", function (e) {
    var form = e.target.form;
    if (!form || form.method !== "post" || e.target.matches(".check")) return;
    if (!dirty) { dirty = true; if (being) beat("editing"); }
    var group = e.target.closest("fieldset"), mark = group && group.querySelector("[data-unsaved]");
    if (mark) mark.hidden = false;
  });
  setInterval(function () { beat(doing()); }, 20000);
  doc.addEventListener("visibilitychange", function () { beat(doing()); });
  window.addEventListener("pagehide", function () { if (being) beat("gone"); });

  /* ---- parts that ask for news: not while nobody looks or somebody types; what is known already is answered with 304 ---- */
  var tags = {};
  function live(e) { var el = e.detail.elt; return el && el.dataset && el.dataset.live !== undefined ? el : null; }
  doc.addEventListener("htmx:configRequest", function (e) { var el = live(e); if (el && tags[el.id]) e.detail.headers["If-None-Match"] = tags[el.id]; });
  doc.addEventListener("htmx:beforeRequest", function (e) { if (live(e) && (doc.hidden || dirty)) e.preventDefault(); });
  doc.addEventListener("htmx:afterRequest", function (e) { var el = live(e), tag = el && e.detail.xhr.getResponseHeader("ETag"); if (tag) tags[el.id] = tag; });
  doc.addEventListener("htmx:responseError", function (e) { var bar = doc.getElementById("expired"); if (e.detail.xhr.status === 401 && bar) bar.hidden = false; });

  /* ---- htmx: keep keyboard focus when a swap replaces the focused node (dimagi/open-chat-studio#4425, htmx#75) ---- */
  var keep = null, whole = false;
  doc.addEventListener("htmx:beforeSwap", function (e) {
    keep = e.detail.boosted ? null : doc.activeElement && doc.activeElement.id;
    if (!e.detail.boosted || e.detail.xhr.status === 401) return;
    /* an act that loads no page: whatever is answered, a refusal too, is the next page */
    whole = e.detail.shouldSwap = true; e.detail.isError = false;
    if (being) beat("gone");
  });
  doc.addEventListener("htmx:afterSettle", function () {
    if (whole) { whole = false; begin(true); }
    else if (keep && doc.activeElement === doc.body) { var el = doc.getElementById(keep); if (el) el.focus(); }
  });
  doc.addEventListener("htmx:sendError", function (e) { var bar = doc.getElementById("unreached"); if (e.detail.boosted && bar) bar.hidden = false; });

  /* ---- drafts: what somebody typed survives a reload, the end of their session and a crash, on this computer, until it has arrived ---- */
  var mine = "", unsaved = null, timer = null;
  function draftOf(el) {
    var form = el.form;
    if (!mine || !form || form.method !== "post" || !/^(text|textarea)$/.test(el.type) || el.readOnly) return "";
    if (!el.name || "private" in el.dataset || el.autocomplete === "one-time-code") return "";
    var at = new URL(form.getAttribute("action") || location.href, location.href);
    ["v", "return"].forEach(function (name) { at.searchParams.delete(name); });
    return mine + at.pathname + at.search + "#" + el.name;
  }
  function keptAs(key) { try { return JSON.parse(store.get(key)); } catch (e) { return null; } }
  function save() {
    clearTimeout(timer);
    var el = unsaved, key = el && draftOf(el), kept = key && keptAs(key);
    unsaved = null;
    if (key && el.value) store.set(key, JSON.stringify({ typed: el.value, over: kept ? kept.over : el.defaultValue }));
    else if (key) store.drop(key);
  }
  function restore(el) {
    var key = draftOf(el), kept = key && keptAs(key);
    if (!kept || el.value === kept.typed) return;
    if (el.value !== kept.over) { store.drop(key); return; } /* what was there has changed since: the draft is of something else */
    el.value = kept.typed;
    var told = doc.getElementById("restored").content.firstElementChild.cloneNode(true);
    told.querySelector("button").addEventListener("click", function () { store.drop(key); el.value = kept.over; told.remove(); el.focus(); });
    el.insertAdjacentElement("afterend", told);
    say(doc.getElementById("live").dataset.restored);
  }
  function drafts() {
    var person = doc.getElementById("live").dataset.person;
    mine = person ? "draft." + person + "." : "";
    /* sent it was, but whether it arrived says the page that came back: a result, and not a refusal or the sign-in page */
    if (mine && doc.querySelector("[data-done]")) JSON.parse(sessionStorage.getItem("sent") || "[]").forEach(store.drop);
    sessionStorage.removeItem("sent");
    doc.querySelectorAll("textarea, input").forEach(restore);
  }
  doc.addEventListener("input", function (e) {
    if (unsaved && unsaved !== e.target) save();
    if (!draftOf(e.target)) return;
    unsaved = e.target; clearTimeout(timer); timer = setTimeout(save, 500);
  });
  doc.addEventListener("visibilitychange", save);
  window.addEventListener("pagehide", save);
  doc.addEventListener("submit", function (e) {
    save();
    if (/\/signout\/$/.test(e.target.action)) store.keys().forEach(function (key) { if (mine && key.indexOf(mine) === 0) store.drop(key); });
    sessionStorage.setItem("sent", JSON.stringify(Array.prototype.map.call(e.target.elements, draftOf).filter(Boolean)));
  });

  /* ---- what a page needs when it is there, loaded or put in the place of another ---- */
  function begin(swapped) {
    dirty = false; anchor = null; tags = {};
    refreshSelection(false);
    if (navigator.clipboard) doc.querySelectorAll("[data-copy]").forEach(function (button) { button.hidden = false; });
    drafts();
    /* the result of the last act, or what has to be corrected, is read first */
    var said = doc.querySelector("[data-focus]"), ready = doc.querySelector("[autofocus]"), main = doc.getElementById("main");
    if (ready && said && said.getAttribute("role") === "status") say(said.textContent.trim());
    else if (said) said.focus();
    else if (swapped && !ready && main) main.focus({ preventScroll: true });
    being = doc.querySelector("[data-presence]");
    if (being) {
      /* leaving takes back what this page said, never what the next one has said meanwhile */
      being.elements.page.value = Date.now().toString(36) + Math.random().toString(36).slice(2);
      beat("looking");
    }
  }
  begin(false);
})();
