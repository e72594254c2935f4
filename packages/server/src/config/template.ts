/** A configuration with every key, commented; what is not commented out is the default. */
export const template = `# InferBridge. Every key is optional; what stands here are the defaults.
# \${NAME} in any string is filled from the environment. An unknown key stops the start.

host: 127.0.0.1
port: 8585
dataDir: ./data                 # databases and the generated encryption key, relative to this file
database: sqlite
bodyLimitBytes: 33554432        # a larger request body is a 413
workers: 1                      # processes that serve on one port: one for each core
cors:
  origins: []                   # origins of browser applications
cache:
  store: sqlite                 # memory | sqlite | redis://…
  scope: user                   # user | shared
  ttlSeconds: 3600
  staleSeconds: 0               # > 0: an expired answer may stand in when every provider fails
  always: false                 # true: without the client asking for it
  memoryBytes: 67108864         # in front of the store
  fileMaxBytes: 1073741824      # of dataDir/cache.sqlite
signup: open                    # open | token | closed: who may POST /v1/users
limits:
  signupsPerMinute: 60          # per client address
  inFlight: 2000                # model calls at the same time; beyond it 503 at once
  # rpm: 600                    # requests per user and minute
  # tpm: 1000000                # estimated input tokens per user and minute
  # usdPerDay: 5                # US dollars per user, UTC days; usdPerMonth likewise
  # store: redis://…            # for several processes; default: the cache's Redis, else this process
importedKeys: false             # true: keys that were minted elsewhere, without our checksum, are looked up
trustedProxies: []              # ["10.0.0.0/8"]: whose X-Forwarded-For is believed
retentionDays: 30               # request rows older than this are deleted
logFileMaxBytes: 4294967296     # the oldest rows go first
strictFields: false             # true: unknown request fields are a 422
selfHosted:
  privateAddresses: false       # true, or a list of origins that users may register: ["http://10.0.0.5:11434"]
faults: false                   # true: a request may ask for a fault with X-InferBridge-Fault; or { rules: [{ provider: openai, fault: "503", share: 0.1 }] }
tags: {}                        # { team: metadata.team, plan: header.X-Plan }: what conditional and ab may tell requests apart by
plugins: []                     # ["./acme.ts", "@acme/inferbridge-provider"]; nothing else is loaded
aliases: {}                     # gpt-4o-mini: ib/balanced

# providers:
#   openai:
#     apiKey: \${OPENAI_API_KEY}          # every user may use it without a key of their own; apiKeys: [..] for several, in rotation
#     healthCheckSeconds: 30             # asked how it is while it is in use; 0 for never
#   acme:
#     use: openai-compatible
#     baseUrl: https://llm.acme.example/v1
#     residency: eu
#     prices: { "acme-1": { input: 0.5, output: 1.5 } }      # US dollars per million tokens
#   ollama: {}                            # as vllm and azure: there once it is named

# tiers:                                  # over the built-in ib/cheap, ib/balanced, ib/premium and ib/embed
#   ib/balanced:
#     strategy: priority                  # race, hedge, weighted, ab, latency, cheapest, least-busy, conditional; [hedge, { afterMs: 300 }]
#     targets: ["openai:gpt-6.1-terra", "sarvam:sarvam-105b", "anthropic:claude-sonnet-5-5"]
#     timeouts: { firstContentMs: 5000 }  # connectMs, headersMs, firstContentMs, idleMs, totalMs
#     retries: 2                          # of the same target, only when nobody else can be called
#     fallbackOn: { content_policy: false, refusal: false, context_length: larger }   # larger: to a larger window; true, false
#     breaker: { failures: 5, openMs: 30000 }
#     maxUsd: 0.05                        # for all attempts of one request
#     cache: { always: true, ttlSeconds: 600 }            # or true; false: never

# stages: [logger, auth, limits, cache, router]              # outermost first; a plugin's stage as [name, {options}]
`;
