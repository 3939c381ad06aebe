/** What stands where a secret stood. */
const PLACEHOLDER = '***'

/** Below this many characters a secret is only hidden as a word of its own: it could be part of any other word. */
const SHORT = 8

/** Shortest piece of a secret's base64 that is looked for; shorter ones are met by chance. */
const MIN_BASE64_CORE = 8

/** Hides secrets that are registered with it, also in the encodings in which a request carries them. */
export interface Redaction {
  /** Registers a secret; empty text is no secret. Whoever reads a secret registers it before it is used. */
  add(secret: string): void
  /** `text` with every registered secret replaced by `***`. */
  apply(text: string): string
}

/** A redaction that knows no secret yet. */
export function createRedaction(): Redaction {
  const forms = new Set<string>()
  let pattern: RegExp | undefined
  return {
    add(secret) {
      if (secret === '' || forms.has(secret)) return
      for (const form of formsOf(secret)) forms.add(form)
      // the longest first, so that a secret that is part of another leaves nothing of the longer one
      const longestFirst = [...forms].toSorted((a, b) => b.length - a.length)
      pattern = new RegExp(longestFirst.map(asPattern).join('|'), 'gu')
    },
    apply: (text) => (pattern === undefined ? text : text.replace(pattern, PLACEHOLDER)),
  }
}

function asPattern(form: string): string {
  const literal = form.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&')
  return form.length < SHORT ? `(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])` : literal
}

/** The secret as it may stand in a URL, a JSON text, a quoted log line, or, wherever it begins, inside base64. */
function formsOf(secret: string): string[] {
  const query = new URLSearchParams({ '': secret }).toString().slice(1)
  const bytes = Buffer.from(secret)
  return [
    secret,
    encodeURIComponent(secret),
    encodeURI(secret),
    query,
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...whole(bytes),
    ...[0, 1, 2].flatMap((offset) => base64Core(bytes, offset)),
  ].filter((form) => form !== '')
}

function whole(bytes: Buffer): string[] {
  const text = bytes.toString('base64')
  return [text, text.replace(/=+$/, ''), bytes.toString('base64url')].filter(
    (form) => form.length >= MIN_BASE64_CORE,
  )
}

/** What base64 makes of the secret alone when `offset` other bytes (mod 3) stand before it, in both alphabets. */
function base64Core(secret: Buffer, offset: number): string[] {
  const text = Buffer.concat([Buffer.alloc(offset), secret]).toString('base64')
  // a character holds 6 bits: the ones that share bits with a neighbouring byte differ from case to case
  const start = Math.ceil((offset * 8) / 6)
  const end = Math.floor(((offset + secret.length) * 8) / 6)
  const core = text.slice(start, end)
  if (core.length < MIN_BASE64_CORE) return []
  return [core, core.replaceAll('+', '-').replaceAll('/', '_')]
}
