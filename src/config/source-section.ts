import { decodeCredentials, type Credentials } from './credentials.ts'
import {
  choice,
  filePath,
  flag,
  integer,
  isFalse,
  optionalFlag,
  secret,
  secretFor,
  text,
} from './key.ts'
import { privateKeyNote } from './key-note.ts'
import { patterns } from './pattern-key.ts'
import { section, sectionsByHost } from './section.ts'

const webhook = section('Webhooks that the registry sends.', {
  auth_header: secret({
    doc: 'What the `Authorization` header of a request for this host must be, to the letter: the "Auth Header" of the Harbor webhook.',
  }),
  skip_own_pushes: flag({
    fallback: true,
    doc: 'Ignores events whose operator is the account of `auth`: they tell of what the service itself has pushed.',
  }),
})

/** `provider.source`: how each registry is reached, and what it may ask for. */
export const source = sectionsByHost(
  'The registries, by host and, where it is not the standard one, port: `harbor.example.com:8443`. Only images of these are converted.',
  {
    auth: secretFor<Credentials>({
      form: 'a secret',
      doc: 'Base64 of `user:password`. Empty: the login of the Docker configuration, if there is one.',
      make(plain, reading) {
        const decoded = decodeCredentials(plain)
        if (typeof decoded === 'string') {
          reading.problem(decoded)
          return undefined
        }
        reading.hide(decoded.password)
        reading.hide(`${decoded.username}:${decoded.password}`)
        return decoded
      },
    }),
    insecure: flag({
      fallback: false,
      doc: 'Does not verify the TLS certificate of this host.',
      note: {
        changed: 'it holds for this host alone, and never turns TLS off',
        danger: (written) =>
          isFalse(written)
            ? undefined
            : 'whoever is on the way can read the credentials and change images; name the authority in ca_file instead',
      },
    }),
    plain_http: optionalFlag({
      note: {
        danger: (written) =>
          isFalse(written)
            ? undefined
            : 'whoever is on the way can read the credentials and change images',
      },
      doc: 'Speaks HTTP without TLS to this host, or, with `false`, never does. Left out: only to a host of the loopback interface that has neither `ca_file` nor `client_cert_file`.',
    }),
    token_hosts: text({
      fallback: '',
      doc: "Hosts, `host[:port]` separated by commas, besides the registry's own that may ask for its account to give a token.",
    }),
    ca_file: filePath({
      doc: "Certificates that are trusted for this host besides the system's, PEM.",
    }),
    client_cert_file: filePath({ doc: 'Certificate to authenticate with, PEM.' }),
    client_key_file: filePath({
      doc: 'Private key of that certificate, PEM.',
      note: privateKeyNote,
    }),
    address: text({
      fallback: '',
      doc: 'Where the host is reached, as `host[:port]`, when not under its own name: a service inside the cluster. References keep the name.',
    }),
    max_connections: integer({
      fallback: 8,
      min: 1,
      max: 1024,
      doc: 'Blobs pulled from this host at once, blobs pushed to it at once, and other requests at once; each of the three.',
    }),
    max_conversions: integer({
      fallback: 0,
      min: 0,
      doc: 'Conversions of images of this host that run at once; 0 is no limit but `converter.worker`.',
    }),
    webhook,
    reconcile: section('What a reconciliation looks at in this registry.', {
      api: choice(['auto', 'harbor', 'catalog', 'off'], {
        fallback: 'auto',
        doc: "How images are found: `harbor`, by Harbor's own API, whose projects the account may list; `catalog`, by `_catalog` and the tags of each repository; `auto`, by Harbor's where one answers; `off`, not at all.",
      }),
      repositories: patterns({
        doc: 'Repositories, without the host. Left out: all that the registry lists. Where none of them has a `*`, `?`, `{` or `/…/` the registry is not asked for a list of repositories, for which many accounts have no permission.',
      }),
    }),
  },
  (name) =>
    /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$/.test(name)
      ? undefined
      : 'is not a host with an optional port: no image reference will match it',
)
