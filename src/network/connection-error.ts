/** Why a request got no answer, decided by the error's code alone. */
export interface ConnectionFailure {
  /** `broken` can be tried again; `tls` cannot be cured by trying. */
  kind: 'broken' | 'tls'
  problem: string
}

const problems = new Map<string, string>([
  ['UND_ERR_CONNECT_TIMEOUT', 'no connection in time'],
  ['UND_ERR_HEADERS_TIMEOUT', 'no answer in time'],
  ['UND_ERR_BODY_TIMEOUT', 'the answer stopped'],
  ['UND_ERR_SOCKET', 'the connection was closed'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'the answer was cut short'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'the answer is too long'],
  ['UND_ERR_HEADERS_OVERFLOW', 'the answer has too many headers'],
  ['UPLOAD_STALLED', 'it took no more data'],
  ['ECONNREFUSED', 'the connection was refused'],
  ['ECONNRESET', 'the connection was reset'],
  ['ECONNABORTED', 'the connection was aborted'],
  ['EPIPE', 'the connection was closed'],
  ['ETIMEDOUT', 'no connection in time'],
  ['EHOSTUNREACH', 'there is no route to it'],
  ['ENETUNREACH', 'there is no route to it'],
  ['EHOSTDOWN', 'it is down'],
  ['ENOTFOUND', 'its name is unknown'],
  ['FOREIGN_HOST_IS_OWN_MACHINE', 'a name that a registry gave leads to this machine'],
  ['EAI_AGAIN', 'its name cannot be resolved at the moment'],
  // TLS found bytes damaged or missing on a connection that stood.
  ['ERR_SSL_SSL/TLS_ALERT_BAD_RECORD_MAC', 'data was damaged on the way'],
  ['ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC', 'data was damaged on the way'],
  ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'data was damaged on the way'],
  ['ERR_SSL_UNEXPECTED_EOF_WHILE_READING', 'the connection was closed'],
])

const tlsProblems = new Map<string, string>([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is self-signed'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its authority is not trusted'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its authority is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'its authority is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its authority is not trusted'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet'],
  ['CERT_REVOKED', 'its certificate is revoked'],
  ['CERT_UNTRUSTED', 'its certificate is not trusted'],
  ['CERT_SIGNATURE_FAILURE', 'its certificate has a wrong signature'],
  ['INVALID_CA', 'its authority is not valid'],
  ['INVALID_PURPOSE', 'its certificate is not for servers'],
  ['HOSTNAME_MISMATCH', 'its certificate has another name'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate has another name'],
  ['EPROTO', 'it does not speak TLS as we do, or not at all'],
])

/** What `error` says about the connection; undefined when it is not about one. */
export function connectionFailure(error: unknown): ConnectionFailure | undefined {
  // What came is not HTTP, or was cut in the middle of a chunk.
  if (error instanceof Error && error.name === 'HTTPParserError')
    return { kind: 'broken', problem: 'its answer is not HTTP' }
  const code = codeOf(error)
  if (code === undefined) return undefined
  const problem = problems.get(code)
  if (problem !== undefined) return { kind: 'broken', problem: `${problem} (${code})` }
  const tls =
    tlsProblems.get(code) ?? (code.startsWith('ERR_SSL_') ? tlsProblems.get('EPROTO') : undefined)
  if (tls !== undefined) return { kind: 'tls', problem: `${tls} (${code})` }
  // llhttp: what came is not HTTP, or was cut in the middle of a chunk.
  if (code.startsWith('HPE_'))
    return { kind: 'broken', problem: `its answer is not HTTP (${code})` }
  return undefined
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  if (typeof error.code === 'string' && error.code !== '') return error.code
  return undefined
}
