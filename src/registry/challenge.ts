/** One way to log in that a registry offers. Scheme and parameter names in lower case. */
export interface Challenge {
  scheme: string
  parameters: Map<string, string>
}

/** Longer headers are not read; a challenge is some hundred characters. */
const MAX_HEADER_LENGTH = 8192

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const token68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y
const space = /[ \t]*/y
const quoted = /"((?:[^"\\]|\\.)*)"/y

/**
 * Reads WWW-Authenticate, one header or several, each with one challenge or several. What cannot be read ends the list;
 * an empty header (Harbor sends one for an unknown project) gives none. Source: RFC 9110, section 11.6.1.
 */
export function parseChallenges(header: string | string[] | undefined): Challenge[] {
  const headers = header === undefined ? [] : Array.isArray(header) ? header : [header]
  return headers.flatMap((text) => (text.length > MAX_HEADER_LENGTH ? [] : parseOne(text)))
}

function parseOne(text: string): Challenge[] {
  const challenges: Challenge[] = []
  let at = 0

  function take(form: RegExp): RegExpExecArray | undefined {
    form.lastIndex = at
    const match = form.exec(text)
    if (match === null) return undefined
    at = form.lastIndex
    return match
  }

  function takeParameter(name: string, parameters: Map<string, string>): boolean {
    take(space)
    const inQuotes = take(quoted)
    const value = inQuotes?.[1]?.replace(/\\(.)/g, '$1') ?? take(token)?.[0]
    if (value === undefined) return false
    parameters.set(name.toLowerCase(), value)
    return true
  }

  while (at < text.length) {
    while (at < text.length && (text[at] === ',' || text[at] === ' ' || text[at] === '\t')) at++
    const name = take(token)?.[0]
    if (name === undefined) break
    take(space)
    const current = challenges.at(-1)
    if (text[at] === '=' && current !== undefined) {
      at++
      if (!takeParameter(name, current.parameters)) break
      continue
    }
    if (text[at] === '=') break
    challenges.push({ scheme: name.toLowerCase(), parameters: new Map() })
    // `Negotiate abc==` has a value where others have parameters.
    take(token68)
  }
  return challenges
}
