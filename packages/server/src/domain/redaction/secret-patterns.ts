/**
 * Shapes of credentials that announce themselves by a prefix. One row per shape, written from what the
 * vendors document about their token formats.
 *
 * `hints` are literal substrings without which the pattern cannot match: most texts hold none of them, and
 * looking for a substring is far cheaper than running a regular expression. Every pattern is bounded, or
 * consumes whatever it scanned, so hostile text costs linear time.
 *
 * Left out on purpose because they are public by design: Stripe `pk_`, Sentry DSNs, Twilio account sids,
 * Supabase and Clerk publishable keys, Mapbox `pk.`.
 */
export interface SecretPattern {
  readonly kind: string
  readonly hints: readonly string[]
  readonly pattern: RegExp
}

/** Not inside a longer word; the `n` of an escaped `\n` in a JSON string does not count as a letter. */
const wordStart = String.raw`(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))`

function shape(kind: string, hints: readonly string[], body: string): SecretPattern {
  return { kind, hints, pattern: new RegExp(wordStart + `(?:${body})`, 'g') }
}

export const secretPatterns: readonly SecretPattern[] = [
  shape('stackmemory_key', ['smk_'], String.raw`smk_(?:live|test)_[0-9A-Za-z]{22}_[0-9A-Za-z]{49}`),

  // Source hosting and package registries
  shape(
    'github_token',
    ['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'],
    String.raw`gh[pousr]_[A-Za-z0-9_.-]{30,}(?<![.-])`,
  ),
  shape('github_token', ['github_pat_'], String.raw`github_pat_[A-Za-z0-9_]{22,}`),
  shape(
    'gitlab_token',
    ['gl'],
    String.raw`gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[\w.-]{20,}(?<!\.)`,
  ),
  shape('gitlab_token', ['GR1348941'], String.raw`GR1348941[\w-]{20,}`),
  shape('bitbucket_token', ['ATBB', 'ATCTT3'], String.raw`(?:ATBB|ATCTT3)[A-Za-z0-9_=-]{24,}`),
  shape('atlassian_token', ['ATATT3'], String.raw`ATATT3[\w=-]{40,}`),
  shape('npm_token', ['npm_'], String.raw`npm_[A-Za-z0-9]{36,}`),
  shape('pypi_token', ['pypi-'], String.raw`pypi-[\w-]{50,}`),
  shape('rubygems_token', ['rubygems_'], String.raw`rubygems_[a-f0-9]{48}`),
  shape('nuget_key', ['oy2'], String.raw`oy2[a-z0-9]{43}(?![A-Za-z0-9])`),
  shape('docker_token', ['dckr_'], String.raw`dckr_(?:pat|oat)_[\w-]{20,}`),
  shape(
    'artifactory_token',
    ['AKCp', 'cmVmdGtu'],
    String.raw`(?:AKCp[A-Za-z0-9]{60,}|cmVmdGtu[A-Za-z0-9=]{50,})`,
  ),
  shape('buildkite_token', ['bkua_', 'bkct_'], String.raw`bk(?:ua|ct)_[A-Za-z0-9_-]{32,}`),

  // Clouds and hosting
  shape(
    'aws_access_key',
    ['AKIA', 'ASIA', 'ABIA', 'ACCA'],
    String.raw`A(?:KIA|SIA|BIA|CCA)[A-Z2-7]{16}(?![A-Za-z0-9])`,
  ),
  shape('aws_bedrock_key', ['ABSK'], String.raw`ABSK[A-Za-z0-9+/]{80,}={0,2}`),
  shape('google_api_key', ['AIza'], String.raw`AIza[\w-]{35}`),
  shape('google_oauth_secret', ['GOCSPX-'], String.raw`GOCSPX-[\w-]{20,}`),
  shape('google_oauth_token', ['ya29.', '1//0'], String.raw`(?:ya29\.[\w.-]{20,}|1//0[\w-]{30,})`),
  shape('azure_client_secret', ['Q~'], String.raw`[A-Za-z0-9_~.-]{3}\dQ~[A-Za-z0-9_~.-]{31,34}`),
  shape('digitalocean_token', ['do'], String.raw`do[opr]_v1_[a-f0-9]{64}`),
  shape('heroku_key', ['HRKU-'], String.raw`HRKU-[\w-]{36,}`),
  shape('cloudflare_token', ['cfut_', 'cfat_', 'cfk_'], String.raw`cf(?:ut|at|k)_[A-Za-z0-9]{40,}`),
  shape('cloudflare_origin_key', ['v1.0-'], String.raw`v1\.0-[0-9a-f]{24}-[0-9a-f]{140,}`),
  shape('vercel_token', ['vcp_', 'vci_', 'vca_', 'vcr_', 'vck_'], String.raw`vc[piark]_[A-Za-z0-9]{24,}`),
  shape('netlify_token', ['nf'], String.raw`nf[pcoub]_[A-Za-z0-9]{36,}`),
  shape(
    'fly_token',
    ['FlyV1 ', 'fm2_', 'fo1_'],
    String.raw`(?:FlyV1 )?(?:fm2_[A-Za-z0-9+/=,_]{40,}|fo1_[\w-]{40,})`,
  ),
  shape('planetscale_token', ['pscale_'], String.raw`pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}`),
  shape('supabase_key', ['sbp_', 'sb_secret_'], String.raw`(?:sbp_[a-z0-9_]{40,}|sb_secret_[\w-]{20,})`),
  shape('neon_key', ['napi_'], String.raw`napi_[a-z0-9]{40,}`),
  shape('databricks_token', ['dapi'], String.raw`dapi[0-9a-f]{32}(?:-\d)?`),
  shape('terraform_token', ['.atlasv1.'], String.raw`[A-Za-z0-9]{14}\.atlasv1\.[\w-]{40,}`),
  shape('vault_token', ['hvs.', 'hvb.', 'hvr.'], String.raw`hv[sbr]\.[\w-]{24,}`),
  shape('doppler_token', ['dp.'], String.raw`dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{32,}(?<!\.)`),
  shape('onepassword_token', ['ops_eyJ'], String.raw`ops_eyJ[\w+/=-]{40,}`),
  shape('pulumi_token', ['pul-'], String.raw`pul-[a-f0-9]{40}`),
  shape('tailscale_key', ['tskey-'], String.raw`tskey-[a-z]{2,12}-[\w-]{16,}`),

  // Models
  shape('anthropic_key', ['sk-ant-'], String.raw`sk-ant-[\w-]{20,}`),
  shape('openrouter_key', ['sk-or-'], String.raw`sk-or-[\w-]{32,}`),
  shape('openai_key', ['sk-'], String.raw`sk-(?:proj|svcacct|admin|None)-[\w-]{20,}`),
  shape('openai_key', ['sk-'], String.raw`sk-[A-Za-z0-9]{32,}`),
  shape('huggingface_token', ['hf_', 'api_org_'], String.raw`(?:hf|api_org)_[A-Za-z0-9]{34,}`),
  shape('groq_key', ['gsk_'], String.raw`gsk_[A-Za-z0-9]{48,}`),
  shape('replicate_token', ['r8_'], String.raw`r8_[A-Za-z0-9]{37,}`),
  shape('xai_key', ['xai-'], String.raw`xai-[A-Za-z0-9]{60,}`),
  shape('perplexity_key', ['pplx-'], String.raw`pplx-[A-Za-z0-9]{40,}`),

  // Payments, messages, mail
  shape('stripe_key', ['sk_', 'rk_'], String.raw`[sr]k_(?:live|test|prod)_[A-Za-z0-9]{16,}`),
  shape('webhook_secret', ['whsec_'], String.raw`whsec_[A-Za-z0-9+/=_-]{24,}`),
  shape('square_token', ['sq0', 'EAAA'], String.raw`(?:sq0(?:atp|csp|idp)-[\w-]{22,}|EAAA[\w-]{60})`),
  shape('shopify_token', ['shp'], String.raw`shp(?:at|ca|pa|ss|ua)_[a-fA-F0-9]{32,}`),
  shape('slack_token', ['xox'], String.raw`xox[a-z](?:\.xox[a-z])?-[\w-]{10,}`),
  shape('slack_token', ['xapp-'], String.raw`xapp-\d-[A-Za-z0-9-]{20,}`),
  shape(
    'slack_webhook',
    ['hooks.slack.com'],
    String.raw`hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+-]{20,}`,
  ),
  shape(
    'discord_webhook',
    ['/api/webhooks/'],
    String.raw`discord(?:app)?\.com/api/webhooks/\d{15,21}/[\w-]{50,}`,
  ),
  shape('discord_token', ['.'], String.raw`[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}`),
  shape(
    'teams_webhook',
    ['webhook.office.com'],
    String.raw`[a-z0-9-]{1,63}\.webhook\.office\.com/webhookb2/[\w@/-]{60,}`,
  ),
  shape('telegram_token', [':AA'], String.raw`(?:bot)?\d{8,10}:AA[\w-]{32,}`),
  shape('twilio_key', ['SK'], String.raw`SK[0-9a-f]{32}(?![A-Za-z0-9])`),
  shape('sendgrid_key', ['SG.'], String.raw`SG\.[\w-]{16,32}\.[\w-]{16,64}`),
  shape('mailgun_key', ['key-'], String.raw`key-[0-9a-f]{32}(?![A-Za-z0-9])`),
  shape('mailchimp_key', ['-us'], String.raw`[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])`),
  shape('brevo_key', ['xkeysib-', 'xsmtpsib-'], String.raw`x(?:key|smtp)sib-[a-f0-9]{40,}-[\w-]{10,}`),
  shape('resend_key', ['re_'], String.raw`re_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}`),

  // Work and observation
  shape('linear_key', ['lin_'], String.raw`lin_(?:api|oauth|wh)_[A-Za-z0-9]{32,}`),
  shape(
    'notion_token',
    ['ntn_', 'secret_'],
    String.raw`(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43})(?![A-Za-z0-9])`,
  ),
  shape('figma_token', ['fig'], String.raw`fig[dou]_?[\w-]{0,4}_[\w-]{36,}`),
  shape('airtable_token', ['pat'], String.raw`pat[A-Za-z0-9]{14}\.[a-f0-9]{64}`),
  shape('postman_key', ['PMAK-'], String.raw`PMAK-[a-f0-9]{24}-[a-f0-9]{34}`),
  shape('sentry_token', ['sntry'], String.raw`sntry[su]_[\w+/=.-]{40,}(?<!\.)`),
  shape('datadog_key', ['ddpat_', 'ddapp_', 'ddp_'], String.raw`dd(?:pat|app|p)_[A-Za-z0-9]{34,}`),
  shape('grafana_token', ['glsa_', 'glc_'], String.raw`(?:glsa|glc)_[\w+/=-]{32,}`),
  shape('newrelic_key', ['NR'], String.raw`NR(?:AK|II|RA|IQ|AL|SP)-[A-Za-z0-9_-]{24,}`),
  shape('posthog_key', ['phx_'], String.raw`phx_[A-Za-z0-9]{36,}`),
  shape('age_key', ['AGE-SECRET-KEY-1'], String.raw`AGE-SECRET-KEY-1[0-9A-Z]{58}`),
]

/**
 * JSON Web Tokens (RFC 7519), signed or encrypted: the first two letters of `{"` in base64url are `ey`.
 * Starts only where no base64url run is under way, because a segment has no upper bound.
 */
export const jsonWebToken: SecretPattern = {
  kind: 'jwt',
  hints: ['eyJ'],
  pattern: /(?:(?<![\w-])|(?<=\\[nrtbf]))eyJ[\w-]{8,}(?:\.[\w-]*){2,4}/g,
}
