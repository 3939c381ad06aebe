import { isDigest, type Digest } from '../oci/digest.ts'
import { isRepository, isTag } from '../oci/reference.ts'
import { harborSetup, type HarborSetup } from './harbor-setup.ts'
import { invalid, objectsIn, readPages, type ListInit } from './pages.ts'
import type { Transport } from './transport.ts'

/** Harbor's own API, v2.0, at the host of a registry. Asked with the account alone: its tokens are for `/v2/`. */
export interface HarborApi extends HarborSetup {
  /** Whether a Harbor answers there. Throws REGISTRY_…. */
  detected(init: ListInit): Promise<boolean>
  /** The projects that the account may see; into one that caches another registry nothing can be pushed. */
  projects(init: ListInit): AsyncGenerator<{ name: string; proxyCache: boolean }>
  /** The repositories of a project, the project's name before them. */
  repositories(project: string, init: ListInit): AsyncGenerator<string>
  /** The images of a repository that have tags. Accessories are not listed. */
  images(repository: string, init: ListInit): AsyncGenerator<HarborImage>
}

/** An image as Harbor lists it. */
export interface HarborImage {
  digest: Digest
  tags: string[]
}

/** Most that a page may ask for; more is answered with 422. Source: Harbor api/v2.0/swagger.yaml. */
const PAGE = 100

/** Harbor's API behind `transport`. Source: Harbor api/v2.0/swagger.yaml, src/lib/q/builder.go. */
export function harborApi(transport: Transport): HarborApi {
  const { name } = transport.host
  const pages = (path: string, what: string, init: ListInit): AsyncGenerator =>
    readPages(transport, { what, scopes: [], login: 'account' }, `/api/v2.0/${path}`, init)
  return {
    async detected({ signal, pace }) {
      await pace?.()
      const answer = await transport.send({
        method: 'GET',
        target: '/api/v2.0/ping',
        what: `the kind of registry of ${name}`,
        scopes: [],
        login: 'account',
        expect: [200, 400, 401, 403, 404, 405],
        signal,
      })
      await answer.discard()
      return answer.status === 200
    },
    ...harborSetup(transport),
    async *projects(init) {
      const what = `the projects of ${name}`
      const path = `projects?with_detail=false&sort=name&page_size=${PAGE}`
      for await (const page of pages(path, what, init)) {
        for (const project of objectsIn(page, what)) {
          const { name: called, registry_id: upstream } = project
          if (typeof called !== 'string') throw invalid({ what }, 'a project has no name')
          yield { name: called, proxyCache: typeof upstream === 'number' && upstream > 0 }
        }
      }
    },
    async *repositories(project, init) {
      const what = `the repositories of ${name}/${project}`
      const path = `projects/${encodeURIComponent(project)}/repositories?sort=name&page_size=${PAGE}`
      for await (const page of pages(path, what, init)) {
        for (const { name: repository } of objectsIn(page, what)) {
          if (typeof repository === 'string' && isRepository(repository)) yield repository
        }
      }
    },
    async *images(repository, init) {
      const what = `the images of ${name}/${repository}`
      const [project = '', ...rest] = repository.split('/')
      // a slash is encoded twice: the proxy before Harbor decodes once
      const below = encodeURIComponent(encodeURIComponent(rest.join('/')))
      const query = `q=${encodeURIComponent('type=IMAGE,tags=*')}&sort=id&with_tag=true&page_size=${PAGE}`
      const path = `projects/${encodeURIComponent(project)}/repositories/${below}/artifacts?${query}`
      for await (const page of pages(path, what, init)) {
        for (const artifact of objectsIn(page, what)) yield* imageIn(artifact)
      }
    },
  }
}

function imageIn({ digest, tags }: Record<string, unknown>): HarborImage[] {
  if (typeof digest !== 'string' || !isDigest(digest)) return []
  const names = (Array.isArray(tags) ? tags : []).flatMap((tag: unknown) => {
    const name = typeof tag === 'object' && tag !== null && 'name' in tag ? tag.name : undefined
    return typeof name === 'string' && isTag(name) ? [name] : []
  })
  return names.length === 0 ? [] : [{ digest, tags: names }]
}
