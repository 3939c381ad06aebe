import { isDigest, type Digest } from '../../oci/digest.ts'
import type { Exchange } from './exchange.ts'

/** Source: distribution-spec 1.1, "Pulling manifests". */
const name = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/
const tag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/

/** Refuses a repository that is not well-formed. */
export async function checkName(exchange: Exchange): Promise<void> {
  const { repository } = exchange.route
  if (repository !== undefined && (!name.test(repository) || repository.length > 255)) {
    await exchange.refuse(400, 'NAME_INVALID', 'invalid repository name', {
      detail: { name: repository },
    })
  }
}

export function isTag(text: string): boolean {
  return tag.test(text)
}

/** Refuses what is not a digest. */
export async function digestIn(exchange: Exchange, text: string | null): Promise<Digest> {
  if (isDigest(text)) return text
  return exchange.refuse(400, 'DIGEST_INVALID', 'provided digest is not a sha256 digest', {
    detail: { digest: text },
  })
}
