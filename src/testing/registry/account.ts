import { createHash, timingSafeEqual } from 'node:crypto'
import type { Account, AuthInit } from './init.ts'

/** What may be done in a repository; deleting needs `push`. */
export type Action = 'pull' | 'push'

/** An action in a repository. */
export interface Access {
  repository: string
  action: Action
}

/** The accounts of a registry: who they are and what they may do. */
export interface Accounts {
  /** The user whose credentials the value of a Basic `Authorization` header holds. */
  identify(authorization: string | undefined): string | undefined
  check(user: string, secret: string): boolean
  /** Whether `user`, or anybody where undefined, may do this. */
  may(user: string | undefined, access: Access): boolean
}

/** `publicPull` says for which repositories anybody may pull. */
export function createAccounts(
  auth: AuthInit,
  publicPull: (repository: string) => boolean,
): Accounts {
  const accounts = new Map<string, Account>(
    Object.entries(auth.users).map(([name, account]) => [
      name,
      typeof account === 'string' ? { secret: account } : account,
    ]),
  )
  const check = (user: string, secret: string) => {
    const account = accounts.get(user)
    return account !== undefined && same(account.secret, secret)
  }
  return {
    check,
    identify(authorization) {
      const match = /^Basic (.+)$/i.exec(authorization ?? '')
      if (match === null) return undefined
      const text = Buffer.from(match[1]!, 'base64').toString()
      const colon = text.indexOf(':')
      const user = text.slice(0, colon)
      return colon > 0 && check(user, text.slice(colon + 1)) ? user : undefined
    },
    may(user, { repository, action }) {
      if (action === 'pull' && (auth.anonymousPull === true || publicPull(repository))) return true
      const account = user === undefined ? undefined : accounts.get(user)
      if (account === undefined) return false
      const patterns = account[action]
      return patterns === undefined || patterns.some((pattern) => covers(pattern, repository))
    },
  }
}

function covers(pattern: string, repository: string): boolean {
  return pattern.endsWith('/') ? repository.startsWith(pattern) : repository === pattern
}

function same(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return timingSafeEqual(one!, other!)
}
