import { AccelError } from '../errors/accel-error.ts'
import { parseDigest, type Digest } from './digest.ts'

declare const brand: unique symbol

/** Where an image is: made only by `parseReference` and the functions beside it, so its parts are valid. */
export interface Reference {
  readonly [brand]: 'Reference'
  /** The registry's domain as written, with its port where it has one: `docker.io`, `harbor.example.test:8443`, `[::1]:5000`. */
  readonly host: string
  /** The path below the host, lower case: `library/nginx`. */
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

/** Docker Hub's domain in references; its registry answers elsewhere, see `registry/host.ts`. */
export const DOCKER_HUB = 'docker.io'

/** Docker Hub's old domain, still written in references and in the docker configuration. */
export const DOCKER_HUB_LEGACY = 'index.docker.io'

/** Longest repository name, in characters, as distribution/reference has it. */
export const MAX_REPOSITORY_LENGTH = 255

/** Longer text is refused before it is looked at: host 255, repository 255, tag 128 and digest 71 fit. */
const MAX_TEXT_LENGTH = 1024

const identifier = /^[0-9a-f]{64}$/
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?'
const hostForm = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]+)?$`)
const repositoryForm =
  /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/
const tagForm = /^\w[\w.-]{0,127}$/

/**
 * Parses a reference as docker and containerd read it: `[host[:port]/]repository[:tag][@sha256:…]`. A name without a
 * host is one of Docker Hub (`nginx` is `docker.io/library/nginx`); the first part is a host when it is `localhost`, has
 * a dot, a colon or an upper-case letter. Throws REFERENCE_INVALID.
 * Source: distribution/reference `normalize.go` (ParseNormalizedNamed, splitDockerDomain) and the grammar in `reference.go`.
 */
export function parseReference(text: string): Reference {
  if (text.length > MAX_TEXT_LENGTH) {
    throw invalid(`${text.slice(0, 64)}…`, `it has more than ${MAX_TEXT_LENGTH} characters`)
  }
  if (text === '') throw invalid(text, 'it is empty')
  if (text.includes('://')) throw invalid(text, 'a reference has no scheme such as https://')
  if (identifier.test(text)) {
    throw invalid(
      text,
      '64 hex digits alone are an image id; write sha256: and the repository before them',
    )
  }
  const { host, remainder } = splitHost(text)
  const [named, digestText] = cutAt(remainder, remainder.indexOf('@'))
  const [repository, tag] = cutAt(named, named.indexOf(':'))
  if (!hostForm.test(host)) throw invalid(text, `${JSON.stringify(host)} is not a host name`)
  checkPort(text, host)
  checkRepository(text, repository)
  if (tag !== undefined) checkTag(text, tag)
  return make(
    host,
    repository,
    tag,
    digestText === undefined ? undefined : digestIn(text, digestText),
  )
}

/** Writes a reference in full: host, repository, then tag and digest where it has them. */
export function formatReference(reference: Reference): string {
  const { host, repository, tag, digest } = reference
  return `${host}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

/** The same repository under `tag`, without a digest. Throws REFERENCE_INVALID when it is not a tag. */
export function withTag(reference: Reference, tag: string): Reference {
  checkTag(tag, tag)
  return make(reference.host, reference.repository, tag, undefined)
}

/** The same repository with `digest`, without a tag. */
export function withDigest(reference: Reference, digest: Digest): Reference {
  return make(reference.host, reference.repository, undefined, digest)
}

/** Tells whether `text` can be a tag: a word character, then at most 127 of word characters, dots and dashes. */
export function isTag(text: string): boolean {
  return tagForm.test(text)
}

/** Tells whether `text` can be a repository below a host, such as `library/nginx`. */
export function isRepository(text: string): boolean {
  return text.length <= MAX_REPOSITORY_LENGTH && repositoryForm.test(text)
}

/** Tells whether `text` can be the host of a reference: a name, an IPv4 or a bracketed IPv6 address, with or without a port. */
export function isHost(text: string): boolean {
  return text.length <= MAX_REPOSITORY_LENGTH && hostForm.test(text)
}

function splitHost(text: string): { host: string; remainder: string } {
  const [first, rest] = cutAt(text, text.indexOf('/'))
  if (rest === undefined) return { host: DOCKER_HUB, remainder: `library/${text}` }
  const host = hostOf(first)
  const remainder = host === undefined ? text : rest
  if ((host ?? DOCKER_HUB) === DOCKER_HUB && !remainder.includes('/')) {
    return { host: DOCKER_HUB, remainder: `library/${remainder}` }
  }
  return { host: host ?? DOCKER_HUB, remainder }
}

function hostOf(first: string): string | undefined {
  if (first === DOCKER_HUB_LEGACY) return DOCKER_HUB
  const isName = first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first
  return isName ? first : undefined
}

function cutAt(text: string, at: number): [string, string | undefined] {
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function checkPort(text: string, host: string): void {
  const port = /:(\d+)$/.exec(host.replace(/^\[.*\]/, ''))?.[1]
  // distribution/reference takes any digits; such a reference could never be reached.
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    throw invalid(text, `${port} is not a port`)
  }
}

function checkRepository(text: string, repository: string): void {
  if (repository.toLowerCase() !== repository) {
    throw invalid(text, `the repository ${JSON.stringify(repository)} must be lower case`)
  }
  if (repository.length > MAX_REPOSITORY_LENGTH) {
    throw invalid(text, `the repository has more than ${MAX_REPOSITORY_LENGTH} characters`)
  }
  if (!repositoryForm.test(repository)) {
    throw invalid(text, `${JSON.stringify(repository)} is not a repository name`)
  }
}

function checkTag(text: string, tag: string): void {
  if (!tagForm.test(tag)) {
    throw invalid(
      text,
      `${JSON.stringify(tag)} is not a tag: at most 128 letters, digits, "_", "." and "-", not beginning with "." or "-"`,
    )
  }
}

function digestIn(text: string, digest: string): Digest {
  try {
    return parseDigest(digest)
  } catch (cause) {
    throw invalid(text, 'what follows "@" must be "sha256:" and 64 lower-case hex digits', cause)
  }
}

function make(
  host: string,
  repository: string,
  tag: string | undefined,
  digest: Digest | undefined,
): Reference {
  return {
    host,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  } as Reference
}

function invalid(text: string, problem: string, cause?: unknown): AccelError {
  return new AccelError(
    'REFERENCE_INVALID',
    { text, problem },
    cause === undefined ? {} : { cause },
  )
}
