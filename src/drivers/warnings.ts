/** How many a layer's report has at the most. */
const MAX_WARNINGS = 20

/** The warnings of one layer; of many only the first are kept, and how many more there were. */
export class Warnings {
  readonly list: string[] = []
  #more = 0

  add(text: string): void {
    if (this.list.length < MAX_WARNINGS) this.list.push(text)
    else this.list[MAX_WARNINGS] = `${++this.#more} more warnings`
  }
}
