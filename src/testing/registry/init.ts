import type { Fault } from './fault.ts'

/** An account: its secret, and what it may do; without `pull` or `push` it may do so everywhere. */
export interface Account {
  secret: string
  /** Repositories, or prefixes that end in `/`, that it may pull. */
  pull?: string[]
  /** Repositories, or prefixes that end in `/`, that it may push. */
  push?: string[]
}

export interface AuthInit {
  /** `bearer` has a token endpoint of its own, and takes Basic there only (with `harbor` on `/v2/` too). */
  kind: 'basic' | 'bearer'
  /** Secrets, or accounts, by user name. */
  users: Record<string, string | Account>
  /** Whether anybody may pull without credentials. @default false */
  anonymousPull?: boolean
  /** Seconds for which a token is valid, by `now`. @default 1800 */
  expiresIn?: number
  /** How many requests a token is good for: an expiry that does not need time to pass. @default unlimited */
  requestsPerToken?: number
  /** Answers `"access_token": ""` beside `token`, as Harbor does. @default the value of `harbor` */
  emptyAccessToken?: boolean
  /** Answers 405 to POST at the token endpoint, as Harbor does. @default the value of `harbor` */
  refuseTokenPost?: boolean
}

export interface WebhookInit {
  url: string
  /** Sent verbatim as `Authorization`. */
  authHeader?: string
  /** @default 'Default' */
  format?: 'Default' | 'CloudEvents'
  /** How often a delivery is tried in all. @default 3 */
  attempts?: number
  /** Milliseconds before the second, third … attempt; Harbor waits 16,000 to 118,000. @default [10, 20] */
  pausesMs?: number[]
  /** Milliseconds for one attempt. @default 3000 */
  timeoutMs?: number
  /** How often each event is sent, as an event may be after a time-out. @default 1 */
  copies?: number
}

export interface HarborInit {
  /** The behaviour to show where versions differ. @default '2.11' */
  version?: '2.8' | '2.9' | '2.10' | '2.11'
  /** Projects that exist; a repository outside them answers as an unknown project does. @default every one that is named */
  projects?: string[]
  /** Projects that anybody may pull (with a token that anybody gets), and whose webhooks say `public`. @default none */
  publicProjects?: string[]
  /** Projects that cache another registry: nothing can be pushed there. @default none */
  proxyProjects?: string[]
  /** What each account may do in every project, as `repository:push`; without it this Harbor does not tell. */
  permissions?: Record<string, string[]>
  /** Webhook policies by project, as Harbor's API has them; seen with the permission `notification-policy:list`. */
  policies?: Record<string, object[]>
  /** What a project's `summary` says of its storage, in bytes; seen with `project:read`. */
  quota?: { used: number; hard: number }
  /** Rules of immutable tags of every project; seen with `immutable-tag:list`. They are not obeyed. */
  immutableTags?: object[]
  /** What became of the last event of the policies, by their ids. */
  deliveries?: Record<number, 'Success' | 'Error' | 'Running'>
  /** What `systeminfo` says; pushes are not refused. @default false */
  readOnly?: boolean
  /** The same, of webhooks. @default true */
  notifies?: boolean
  /** Writes `http` for `https` and the other way round into `Location`, as behind a proxy that does not tell. @default false */
  wrongScheme?: boolean
}

export interface TestRegistryInit {
  /** TCP port on 127.0.0.1. @default 0, any free one */
  port?: number
  /** Where blobs are kept; it and what is in it stay. @default a temporary directory that `close` removes */
  directory?: string
  auth?: AuthInit
  /** HTTPS with this key and certificate, both PEM, or, with `true`, those of the fixtures. @default plain HTTP */
  tls?: boolean | { key: string; cert: string }
  /** Answers `GET blob` with 307 to a presigned URL of a second listener. @default false */
  redirectBlobs?: boolean
  /** Whether the referrers API exists; without it, it answers 404 and no `OCI-Subject` is sent. @default true */
  referrers?: boolean
  /** Whether a POST with `digest` and a body stores a blob in one request. @default true, false with `harbor` */
  monolithicPost?: boolean
  /** Largest page of tags, repositories and referrers. @default unlimited */
  pageSize?: number
  /** Behaves as Harbor where the distribution specification leaves room. @default false */
  harbor?: boolean | HarborInit
  /** Who is told of pushes. */
  webhooks?: WebhookInit[]
  /** The `host[:port]` that webhooks name. @default that of the listener */
  externalHost?: string
  /** Who pushes, for the webhooks of a registry without accounts. @default 'admin' */
  operator?: string
  faults?: Fault[]
  /** Milliseconds since 1970, for the expiry of tokens. @default Date.now */
  now?: () => number
  /** Receives a line for each start and request. @default nothing is logged */
  log?: (line: string) => void
}
