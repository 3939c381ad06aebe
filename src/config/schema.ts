/** Every key of the configuration file: the one place from which types, defaults, messages and documentation come. */
import { levels } from '../log/level.ts'
import {
  choice,
  filePath,
  flag,
  integer,
  isFalse,
  rawTexts,
  requiredText,
  secret,
  size,
  text,
  type Parsed,
} from './key.ts'
import { privateKeyNote } from './key-note.ts'
import { rules } from './rules.ts'
import { schedule } from './schedule-key.ts'
import { section } from './section.ts'
import { source } from './source-section.ts'

const server = section('The HTTP service of `acceld`.', {
  name: text({
    fallback: 'API',
    doc: 'Name of the service: stands in its log lines and, in lower case, in the names of its HTTP metrics.',
  }),
  host: text({ fallback: '0.0.0.0', doc: 'Address to listen on; empty for every address.' }),
  port: integer({
    fallback: 2077,
    note: { changedDefault: 'earlier releases have none' },
    min: 0,
    max: 65_535,
    form: 'a port number',
    doc: 'Port to listen on; 0 takes any free one.',
  }),
  uds: text({
    fallback: '',
    doc: 'Path of a Unix domain socket to listen on instead of `host` and `port`. A socket that is left over there is replaced, any other file is not touched. Who may open the socket needs no further authorization.',
  }),
  tls: section(
    'Serves HTTPS instead of HTTP, when both files are named. Not on a Unix domain socket.',
    {
      cert_file: filePath({ doc: 'Certificate with its chain, PEM.' }),
      key_file: filePath({ doc: 'Private key, PEM.', note: privateKeyNote }),
    },
  ),
  drain_timeout: integer({
    fallback: 0,
    min: 0,
    max: 86_400,
    form: 'seconds',
    doc: 'How long conversions that run may go on when the service is told to stop. What has not ended then is interrupted and goes on at the next start, so 0 loses nothing.',
  }),
  api_token: secret({
    doc: 'A token with which every request is allowed, for every host: `Authorization: Bearer <token>`, `accelctl --token` or `$ACCEL_TOKEN`.',
  }),
  allow_unauthenticated: flag({
    fallback: false,
    note: {
      changedDefault:
        'earlier releases accept every request without an Authorization header, now it is refused',
      danger: (written) =>
        isFalse(written)
          ? undefined
          : 'whoever can reach the port can have images converted and see their names',
    },
    doc: 'Accepts requests without an `Authorization` header for hosts that have no `webhook.auth_header`. Anybody who can reach the port can then have images of these hosts converted and sees their names.',
  }),
  allowed_hosts: text({
    fallback: '',
    doc: 'Names, separated by commas, by which requests without an `Authorization` header may address the service, besides addresses, names without a dot or below `svc`, `local` and `internal`, the machine’s own and `host`. Others are refused: a page of another site could have led a browser here.',
  }),
})

const log = section('What the service says of itself, on standard error.', {
  level: choice(levels, {
    fallback: 'info',
    doc: 'Lines below this level are left out. The option `--log-level` comes first.',
  }),
  format: choice(['text', 'json'], {
    fallback: 'text',
    doc: "`text`: as earlier releases write it, and in colours on a terminal. `json`: an object a line, with `time`, `level`, `msg` and the line's fields.",
  }),
})

const metric = section('Metrics for Prometheus.', {
  enabled: flag({
    fallback: false,
    doc: 'Serves `/metrics`, to everybody who can reach the port.',
  }),
})

const provider = section('Where images come from and go to.', {
  source,
  foreign_hosts: text({
    fallback: '',
    doc: 'Hosts besides those of `source` to which registries may send the service, to their storage or for a token: `host[:port]` or `*.domain[:port]`, separated by commas. Only these are then contacted. Empty: any host that is not this machine, with the care that docs/security.md tells of.',
  }),
  work_dir: text({
    fallback: '/tmp',
    doc: 'Folder for content under way and cached content. Several processes may share it.',
  }),
  gcpolicy: section('When cached content is dropped.', {
    threshold: size({
      fallback: undefined,
      note: { changedDefault: 'earlier releases do not start without it' },
      doc: 'Size of the content in `work_dir` above which converted layers that no task needs are dropped, those unused for longest first. Left out: none is kept.',
    }),
    low: size({
      fallback: undefined,
      doc: 'Size that is left then. Left out: four fifths of `threshold`.',
    }),
  }),
  cache_size: integer({
    fallback: 200,
    min: 0,
    doc: 'Most layers that a remote cache image (`cache_tag`) records.',
  }),
  cache_version: text({
    fallback: '',
    doc: 'Version of the remote cache: a cache image with another one is not used.',
  }),
  cache_key: secret({
    doc: 'Records of the remote cache are sealed by it, and others are not used. Left out: whoever may push to a repository decides what stands for its layers. Caches of goharbor/acceleration-service have no seal.',
  }),
})

const converter = section('Conversions.', {
  worker: integer({
    fallback: 5,
    min: 1,
    problem: 'worker count should be greater than 0',
    form: 'a number from 1',
    doc: 'Conversions that run at once.',
  }),
  attempts: integer({
    fallback: 5,
    min: 1,
    max: 100,
    doc: 'How often a conversion is tried that failed by what can pass, such as a registry that does not answer; docs/errors.md says what can.',
  }),
  retry_pause: integer({
    fallback: 15,
    min: 1,
    max: 900,
    doc: 'Seconds before the second attempt, or up to half of that less; the pause doubles with each further one, up to 15 minutes.',
  }),
  task_timeout: integer({
    fallback: 21_600,
    min: 1,
    doc: 'Seconds that one attempt may take in all.',
  }),
  stall_timeout: integer({
    fallback: 600,
    min: 1,
    doc: 'Seconds after which an attempt in which no byte has moved is stopped and tried again.',
  }),
  layers: integer({
    fallback: 0,
    min: 0,
    max: 64,
    doc: 'Most layers that are read and decoded at a time, of all conversions together, each on a thread of its own; 0 is a quarter of the processors, from 2 to 8. One for every two processors, at least one, begins at once. While others wait, one more begins each half second in which half a processor was idle.',
  }),
  threads: integer({
    fallback: 0,
    min: 0,
    max: 256,
    doc: 'Most threads that compress and hash what layers hold, of all conversions together; 0 is the number of processors. The last of them is started only when the others fall behind.',
  }),
  harbor_annotation: flag({
    fallback: false,
    note: { changed: 'earlier releases ignore it; it links the result to its source' },
    doc: 'Links the result to its source by `subject`, so that Harbor shows it below the source and deletes it with it.',
  }),
  platforms: text({
    fallback: '',
    doc: 'Platforms to convert, separated by commas: `linux/amd64,linux/arm64`. Empty: all.',
  }),
  verify: flag({
    fallback: true,
    doc: 'Reads each converted image back as its readers do and compares it with its source, path by path, before anything is pushed.',
  }),
  growth_warning: integer({
    fallback: 10,
    min: 0,
    max: 10_000,
    form: 'a number of per cent',
    doc: 'Per cent by which a result may be larger than its source, by more than 1 MiB, before a warning says so and names the layer that grew most.',
  }),
  driver: section('The format of the result.', {
    type: requiredText({ example: 'estargz', doc: 'Name of the driver: `estargz`, `nydus`.' }),
    config: rawTexts({
      doc: "The driver's options. Every value is taken as it is written: `0x100000` stays `0x100000`.",
    }),
  }),
  rules,
})

const reconcile = section(
  'Looks for images that should have been converted and were not, because no webhook told of them. `accelctl backfill` does the same once.',
  {
    schedule: schedule({
      doc: 'When: an interval (`6h`), or the five fields of a cron line in UTC (`0 3 * * *`). Empty: never.',
    }),
    requests_per_second: integer({
      fallback: 10,
      min: 1,
      max: 1000,
      doc: 'Requests to one registry per second, at most, that look for images.',
    }),
    max_waiting: integer({
      fallback: 100,
      min: 1,
      max: 10_000,
      doc: 'While as many tasks wait no more are queued by a search, so that pushes need not wait behind all of them.',
    }),
  },
)

/** The configuration file. */
export const schema = section('', { server, log, metric, provider, converter, reconcile })

/** The configuration as the program sees it; the names are those of the file, in camel case. */
export type Config = Parsed<typeof schema.keys>

/** How one registry is reached. */
export type SourceConfig =
  Config['provider']['source'] extends ReadonlyMap<string, infer S> ? S : never
