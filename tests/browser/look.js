/* Run axe, which judges the contrast of every word anew: three quarters of its time. A verdict is kept for the tab: words of the same
   colour, size and weight on the same ground, all of it as computed, are as legible as those that axe found legible before.
   Only what axe found in order is kept; words that float (what is under them is not what they are in) are judged each time. */
async rules => {
  const WORDS = ["color", "font-size", "font-weight", "text-shadow", "-webkit-text-fill-color", "-webkit-text-stroke-width"]
  const GROUND = ["background-color", "background-image", "opacity", "filter", "mix-blend-mode"]
  const CLEAR = "rgba(0, 0, 0, 0) none 1 none normal", KEPT = "axe found legible"
  const legible = new Set(JSON.parse(sessionStorage.getItem(KEPT) || "[]"))
  const grounds = new Map()
  const style = (one, names) => { const all = getComputedStyle(one); return names.map(name => all.getPropertyValue(name)).join(" ") }

  function ground(one) {
    if (one === null) return ""
    if (!grounds.has(one)) {
      const below = ground(one.parentElement), own = style(one, GROUND)
      const floats = below === null || ["absolute", "fixed"].includes(getComputedStyle(one).position)
      grounds.set(one, floats ? null : own === CLEAR ? below : `${below} | ${own}`)
    }
    return grounds.get(one)
  }

  function look(one) {
    const on = ground(one)
    return on === null ? null : `${style(one, WORDS)} on ${on}`
  }

  const rule = axe._audit.rules.find(one => one.id === "color-contrast"), check = axe._audit.checks["color-contrast"]
  const { matches } = rule, { evaluate } = check
  rule.matches = function (node, ...more) { return !legible.has(look(node)) && matches.call(this, node, ...more) }
  check.evaluate = function (node, ...more) {
    const its = look(node), found = legible.has(its) || evaluate.call(this, node, ...more)
    if (found === true && its !== null) legible.add(its)
    return found
  }
  const { violations } = await axe.run(rules)
  Object.assign(rule, { matches })
  Object.assign(check, { evaluate })
  sessionStorage.setItem(KEPT, JSON.stringify([...legible]))
  return violations.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes.slice(0, 3).map(node => node.target))}`)
}
