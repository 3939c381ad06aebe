import { row, type Side } from '../row.ts'

/** One entry of a registry's error body: the specification's code, and the registry's own words, cut and cleaned. */
export interface Diagnostic {
  code: string
  message: string
}

/** An answer of a registry that is no success. `url` is without query and user. */
export interface RegistryAnswer {
  /** What was asked for: the image, blob or upload, with its repository. */
  what: string
  side?: Side | undefined
  method: string
  url: string
  status: number
  diagnostics: Diagnostic[]
}

/** What a registry, or the way to it, answered. */
export const registryErrors = {
  REGISTRY_STATUS: row<RegistryAnswer>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: answerText,
    hint: 'The registry refused the request for the reason it gives; its own log has more.',
  }),
  REGISTRY_UNAVAILABLE: row<RegistryAnswer>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: answerText,
    hint: 'The registry, or a proxy before it, failed; it is tried again. Look at its health and log when it stays.',
  }),
  REGISTRY_RATE_LIMITED: row<RegistryAnswer & { retryAfterMs?: number | undefined }>({
    status: 503,
    exit: 1,
    retry: 'backoff',
    text: (c) =>
      `${answerText(c)}${c.retryAfterMs === undefined ? '' : `; it asks to wait ${Math.ceil(c.retryAfterMs / 1000)} s`}`,
    hint: 'Lower the connections to this registry, log in (Docker Hub allows more pulls then), or raise its limit.',
  }),
  REGISTRY_AUTH: row<{
    what: string
    side?: Side | undefined
    host: string
    problem: string
    diagnostics: Diagnostic[]
  }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) =>
      `${side(c.side)}${c.what}: ${c.host} does not let us in: ${c.problem}${words(c.diagnostics)}`,
    hint: 'Check the account configured for this registry and that it may pull (source) or push (target) here; Harbor answers the same for a project that does not exist. accelctl doctor names what is missing.',
  }),
  REGISTRY_DENIED: row<RegistryAnswer>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: answerText,
    hint: 'The account lacks the permission (in Harbor: the robot needs pull and push on the project), the project is a proxy cache, its storage quota is used up, or the registry is read-only; the registry’s words say which, and accelctl doctor tests it.',
  }),
  REGISTRY_POLICY: row<RegistryAnswer>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: answerText,
    hint: 'A project policy withholds the image: it must be signed, or scanned without findings, before it can be pulled. It is tried again; trigger on the completed scan, or exempt the service’s account.',
  }),
  REGISTRY_TAG_IMMUTABLE: row<RegistryAnswer>({
    status: 409,
    exit: 1,
    retry: 'never',
    text: answerText,
    hint: 'A rule makes this tag immutable. Exempt the suffix of converted (and cache) tags from the rule, or convert under another tag.',
  }),
  REGISTRY_TOO_LARGE: row<RegistryAnswer>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: answerText,
    hint: 'A proxy or ingress before the registry limits the size of a request: raise it (nginx: client_max_body_size, ingress: proxy-body-size).',
  }),
  REGISTRY_BLOB_UNKNOWN: row<RegistryAnswer>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: answerText,
    hint: 'The registry lost a blob between its upload and the manifest, as its garbage collection may do; the conversion is tried again and uploads it anew.',
  }),
  REGISTRY_ANSWER_INVALID: row<RegistryAnswer & { problem: string }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) => `${answerText(c)}: ${c.problem}`,
    hint: 'What answers is not a registry of the OCI distribution specification, or a proxy changes its answers; check the host and port.',
  }),
  REGISTRY_UNREACHABLE: row<{
    what: string
    side?: Side | undefined
    host: string
    problem: string
    attempts: number
  }>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: (c) =>
      `${side(c.side)}${c.what}: ${c.host} cannot be reached: ${c.problem} (${c.attempts} ${c.attempts === 1 ? 'attempt' : 'attempts'})`,
    hint: 'Check name, address, port and firewall between the service and the registry; a name that is resolved differently here needs its `address` configured.',
  }),
  REGISTRY_TLS: row<{ what: string; side?: Side | undefined; host: string; problem: string }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) => `${side(c.side)}${c.what}: no trusted TLS connection with ${c.host}: ${c.problem}`,
    hint: 'Configure the authority (`ca_file`) that signed the registry’s certificate, or its right name; a registry without TLS must be configured as plain HTTP, it is never assumed.',
  }),
  REGISTRY_HOST_NOT_CONFIGURED: row<{ what: string; host: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: the registry ${JSON.stringify(c.host)} is not configured`,
    hint: 'Only configured registries are contacted: add the host, with its port, to provider.source.',
  }),
  REGISTRY_REDIRECT_REFUSED: row<{
    what: string
    side?: Side | undefined
    from: string
    to: string
    problem: string
  }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) => `${side(c.side)}${c.what}: ${c.from} sends us to ${c.to}: ${c.problem}`,
    hint: 'The registry’s external URL, or the proxy before it, is set up wrongly; following it could expose data or credentials.',
  }),
  REGISTRY_TOKEN_REALM_REFUSED: row<{
    what: string
    side?: Side | undefined
    host: string
    realm: string
    problem: string
  }>({
    status: 502,
    exit: 1,
    retry: 'never',
    text: (c) =>
      `${side(c.side)}${c.what}: ${c.host} asks for a token from ${c.realm}: ${c.problem}`,
    hint: 'Credentials are sent to the registry itself, to hosts listed as its token hosts, or where a verified TLS connection points. Add the token service’s host if it is right.',
  }),
  REGISTRY_CREDENTIALS: row<{ host: string; source: string; problem: string }>({
    status: 500,
    exit: 1,
    retry: 'never',
    text: (c) => `credentials for ${c.host} cannot be read from ${c.source}: ${c.problem}`,
    hint: 'Log in again with the tool that wrote them, or configure the account with the registry.',
  }),
  REGISTRY_REFERRERS_CONFLICT: row<{ what: string; side?: Side | undefined; tag: string }>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: (c) => `${side(c.side)}${c.what}: others keep overwriting the referrers list ${c.tag}`,
    hint: 'The registry has no referrers API, so the list is kept under a tag; another client writes it at the same time. It is tried again.',
  }),
  REGISTRY_LIST_INVALID: row<{ what: string; problem: string }>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: (c) => `${c.what} could not be listed: ${c.problem}`,
    hint: 'The registry, or a proxy before it, answered with something else than the list; compare with another client.',
  }),
}

function answerText(c: RegistryAnswer): string {
  return `${side(c.side)}${c.what}: ${c.method} ${c.url} answered ${c.status}${words(c.diagnostics)}`
}

function side(value: Side | undefined): string {
  return value === undefined ? '' : `${value} `
}

function words(diagnostics: Diagnostic[]): string {
  return diagnostics.map((d) => `; ${d.code}${d.message === '' ? '' : `: ${d.message}`}`).join('')
}
