import type { Descriptor } from '../oci/descriptor.ts'
import type { CallInit } from '../transport/image-transport.ts'
import { single } from '../network/exchange.ts'
import type { RepositoryAccess } from './repository-access.ts'

/** Names a blob for messages. */
export function describeBlob(
  access: RepositoryAccess,
  descriptor: Pick<Descriptor, 'digest'>,
): string {
  return `blob ${descriptor.digest} of ${access.name}`
}

/** Whether the repository has the blob, with its size. Who is about to push asks with `push`, to need one token only. */
export async function hasBlob(
  access: RepositoryAccess,
  descriptor: Descriptor,
  init: CallInit = {},
  need: 'pull' | 'push' = 'pull',
): Promise<boolean> {
  const answer = await access.transport.send({
    ...access.request(need, init),
    method: 'HEAD',
    target: access.path(`blobs/${descriptor.digest}`),
    what: describeBlob(access, descriptor),
    expect: [200, 404],
  })
  await answer.discard()
  const size = single(answer.headers['content-length'])
  return answer.status === 200 && (size === undefined || Number(size) === descriptor.size)
}
