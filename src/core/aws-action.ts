/**
 * Does `pattern` cover `action`, as AWS compares them: case-insensitively, `*` for any run of characters and `?` for one
 * (IAM User Guide, "IAM JSON policy elements: Action")? Works on any `service:Verb` text. Both sides may hold wildcards:
 * an action that is itself a pattern is covered when the two can name a common action, so that a requested `*`, `iam:*`
 * or `IAM:CreateUser` never slips past a rule about `iam:*`.
 */
export function covers(pattern: string, action: string): boolean {
  return overlap(pattern.toLowerCase(), action.toLowerCase())
}

/** Whether some text matches both patterns. One row of the table at a time: quadratic, never exponential. */
function overlap(left: string, right: string): boolean {
  let row = reachable(right, [true], true)
  for (const sign of left) {
    const next: boolean[] = [sign === '*' && row[0] === true]
    for (let at = 1; at <= right.length; at += 1) {
      const other = right.charAt(at - 1)
      const both = row[at - 1] === true && (sign === other || sign === '?' || other === '?')
      const star =
        (sign === '*' && (row[at] === true || next[at - 1] === true)) ||
        (other === '*' && (next[at - 1] === true || row[at] === true))
      next.push(both || star)
    }
    row = next
  }
  return row[right.length] === true
}

/** The first row: what an empty left side can match, which is stars only. */
function reachable(right: string, row: boolean[], open: boolean): boolean[] {
  for (const sign of right) {
    open &&= sign === '*'
    row.push(open)
  }
  return row
}
