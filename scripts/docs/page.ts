/** A page of `docs/` that is made from tables in the code. */
export interface Page {
  /** From the repository's folder. */
  path: string
  /** The whole text. The same code always gives the same text. */
  render(): string | Promise<string>
}

/** A Markdown table. Cells may hold Markdown; what would end a cell is escaped. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
