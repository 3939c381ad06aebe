/** A URL as it may appear in logs and errors: without user, query (presigned URLs hold keys there) and fragment. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === '' ? '' : '?…'}`
}

/** Removes known secrets from text that others wrote. */
export interface Scrubber {
  add(secret: string): void
  scrub(text: string): string
}

/** Shorter secrets are not looked for: they would blacken ordinary words and protect nothing. */
const SHORTEST_SECRET = 4

/** Secrets remembered at once; tokens come and go. */
const MAX_SECRETS = 256

/** A scrubber that knows no secret yet. */
export function createScrubber(): Scrubber {
  const secrets = new Set<string>()
  return {
    add(secret) {
      for (const form of formsOf(secret)) {
        if (form.length < SHORTEST_SECRET) continue
        secrets.delete(form)
        secrets.add(form)
      }
      while (secrets.size > MAX_SECRETS) secrets.delete(secrets.values().next().value as string)
    },
    scrub(text) {
      let clean = text
      for (const secret of [...secrets].toSorted((a, b) => b.length - a.length)) {
        clean = clean.replaceAll(secret, '***')
      }
      return clean
    },
  }
}

/** How a secret may be written in an answer that repeats our request. */
function formsOf(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    JSON.stringify(secret).slice(1, -1),
  ]
}
