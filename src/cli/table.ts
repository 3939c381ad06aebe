const TAB = 8

/**
 * Rows as Go's text/tabwriter aligns them with tabs (tab width 8, one character of padding): every cell but the last
 * is followed by as many tabs as bring it to the width of the widest of its column. Scripts split these lines at
 * white space. Source: Go text/tabwriter, padchar '\t'.
 */
export function tabTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length - 1))
  const widths = Array.from({ length: columns }, (_, column) => {
    const widest = Math.max(...rows.map((row) => characters(row[column] ?? '')))
    return Math.ceil((widest + 1) / TAB) * TAB
  })
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => {
        const width = column === row.length - 1 ? undefined : widths[column]
        return width === undefined
          ? cell
          : cell + '\t'.repeat(Math.ceil((width - characters(cell)) / TAB))
      })
      .join('')
  return rows.map((row) => `${line(row)}\n`).join('')
}

/** `text` cut at `most` characters, with `...` behind it where it was longer. */
export function ellipsis(text: string, most: number): string {
  const letters = Array.from(text)
  return letters.length > most ? `${letters.slice(0, most).join('')}...` : text
}

function characters(text: string): number {
  return Array.from(text).length
}
