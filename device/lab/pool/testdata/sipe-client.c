/* sipe-client: pidgin-sipe on libpurple without a window, for acceptance tests.
 *
 *   sipe-client --server HOST:PORT --user ADDRESS --login 'DOMAIN\user' --password PW --ca FILE
 *               [--resolve NAME=ADDRESS]...  names that are answered here
 *               [--require-auth]             fail unless the server's answers were signed and verified
 *               [--hold S]                   stay signed on for S seconds
 *               [--status ID]                publish this status once signed on
 *               [--add ADDRESS]              add a contact once signed on
 *               [--timeout S]
 *
 * stdout: libpurple's debug log, with every SIP message between MESSAGE START and MESSAGE END,
 *         and lines "RESULT ...".
 * exit:   0 signed on; 1 refused or disconnected; 2 time-out; 3 usage or set-up;
 *         5 signed on without a verified signature while --require-auth.
 *
 * It connects to nothing but 127.0.0.0/8 and ::1 and asks no DNS server: connect(), getaddrinfo()
 * and res_query() below shadow libc's for libpurple and its plugins.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib.h>
#include <purple.h>

/* ---- loopback only ---- */

static GHashTable *hosts; /* name to address, from --resolve */

int connect(int fd, const struct sockaddr *a, socklen_t l)
{
	static int (*real)(int, const struct sockaddr *, socklen_t);
	if (!real)
		real = dlsym(RTLD_NEXT, "connect");
	if (a && a->sa_family == AF_INET) {
		const struct sockaddr_in *s = (const void *)a;
		if ((ntohl(s->sin_addr.s_addr) >> 24) != 127) {
			fprintf(stderr, "BLOCKED connect to %s:%d\n", inet_ntoa(s->sin_addr), ntohs(s->sin_port));
			errno = ENETUNREACH;
			return -1;
		}
		/* What is said last must not wait in the kernel: sipe closes the socket right after it. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	} else if (a && a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *s = (const void *)a;
		if (!IN6_IS_ADDR_LOOPBACK(&s->sin6_addr)) {
			errno = ENETUNREACH;
			return -1;
		}
	}
	return real(fd, a, l);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo h;
	const char *address = name;
	if (!real)
		real = dlsym(RTLD_NEXT, "getaddrinfo");
	memset(&h, 0, sizeof h);
	if (hints)
		h = *hints;
	if (name && hosts && g_hash_table_lookup(hosts, name))
		address = g_hash_table_lookup(hosts, name);
	h.ai_flags |= AI_NUMERICHOST; /* never ask a DNS server */
	return real(address, service, &h, res);
}

int res_query(const char *n, int c, int t, unsigned char *a, int l)
{
	h_errno = HOST_NOT_FOUND;
	return -1;
}

int res_nquery(void *s, const char *n, int c, int t, unsigned char *a, int l)
{
	h_errno = HOST_NOT_FOUND;
	return -1;
}

/* ---- libxml2 ----
 * pidgin-sipe 1.25 gives libxml2 SAX1 callbacks under the mark of SAX2. The libxml2 of Debian 12 then calls
 * nothing, and sipe takes every body for empty. Here it gets the mark that its callbacks are for.
 */

typedef struct {
	void *callbacks[27];
	unsigned int initialized;
	void *more[4]; /* of SAX2 */
} SAXHandler;

int xmlSAXUserParseMemory(SAXHandler *sax, void *data, const char *text, int length)
{
	static int (*real)(SAXHandler *, void *, const char *, int);
	enum { startElement = 14, startElementNs = 1 };
	SAXHandler one = *sax;
	if (!real)
		real = dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");
	if (one.callbacks[startElement] && !one.more[startElementNs])
		one.initialized = 1;
	return real(&one, data, text, length);
}

/* ---- options and state ---- */

static char *o_server, *o_user, *o_login, *o_password, *o_ca, *o_status, *o_add, **o_resolve;
static gboolean o_reqauth;
static int o_timeout = 30, o_hold;

static GOptionEntry options[] = {
	{ "server", 0, 0, G_OPTION_ARG_STRING, &o_server, "front end", "HOST:PORT" },
	{ "user", 0, 0, G_OPTION_ARG_STRING, &o_user, "sign-in address", "USER@DOMAIN" },
	{ "login", 0, 0, G_OPTION_ARG_STRING, &o_login, "login", "DOMAIN\\USER" },
	{ "password", 0, 0, G_OPTION_ARG_STRING, &o_password, "password", "PW" },
	{ "ca", 0, 0, G_OPTION_ARG_FILENAME, &o_ca, "PEM file of the CA to trust", "FILE" },
	{ "resolve", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o_resolve, "answer NAME here", "NAME=ADDRESS" },
	{ "require-auth", 0, 0, G_OPTION_ARG_NONE, &o_reqauth, "fail unless a signed answer was verified", NULL },
	{ "hold", 0, 0, G_OPTION_ARG_INT, &o_hold, "stay for S seconds", "S" },
	{ "status", 0, 0, G_OPTION_ARG_STRING, &o_status, "status to publish", "ID" },
	{ "add", 0, 0, G_OPTION_ARG_STRING, &o_add, "contact to add", "USER@DOMAIN" },
	{ "timeout", 0, 0, G_OPTION_ARG_INT, &o_timeout, "seconds to sign on (30)", "S" },
	{ NULL }
};

static GMainLoop *loop;
static PurpleAccount *account;
static int rc = -1; /* -1 while it runs */
static gboolean signed_on, verified;

static void result(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	printf("RESULT ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
	va_end(ap);
}

static void finish(int code)
{
	if (rc < 0)
		rc = code;
	if (loop)
		g_main_loop_quit(loop);
}

/* ---- libpurple's event loop on GLib's ---- */

typedef struct {
	PurpleInputFunction f;
	gpointer data;
} Watch;

static gboolean watch_invoke(GIOChannel *s, GIOCondition c, gpointer d)
{
	Watch *w = d;
	int got = 0;
	if (c & (G_IO_IN | G_IO_HUP | G_IO_ERR))
		got |= PURPLE_INPUT_READ;
	if (c & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL))
		got |= PURPLE_INPUT_WRITE;
	w->f(w->data, g_io_channel_unix_get_fd(s), got);
	return TRUE;
}

static guint input_add(gint fd, PurpleInputCondition c, PurpleInputFunction f, gpointer data)
{
	Watch *w = g_new0(Watch, 1);
	GIOChannel *ch = g_io_channel_unix_new(fd);
	int cond = 0;
	guint id;
	w->f = f;
	w->data = data;
	if (c & PURPLE_INPUT_READ)
		cond |= G_IO_IN | G_IO_HUP | G_IO_ERR;
	if (c & PURPLE_INPUT_WRITE)
		cond |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
	id = g_io_add_watch_full(ch, G_PRIORITY_DEFAULT, cond, watch_invoke, w, g_free);
	g_io_channel_unref(ch);
	return id;
}

static PurpleEventLoopUiOps loop_ops = {
	g_timeout_add, g_source_remove, input_add, g_source_remove, NULL, g_timeout_add_seconds, NULL, NULL, NULL
};

/* ---- what a person would see ---- */

static void debug_print(PurpleDebugLevel l, const char *category, const char *text)
{
	if (strstr(text, "signature of incoming message validated"))
		verified = TRUE;
	printf("%s: %s", category ? category : "", text);
	fflush(stdout);
}

static gboolean debug_enabled(PurpleDebugLevel l, const char *category)
{
	return TRUE;
}

/* A prompt, such as about a certificate, is answered with Reject. */
static void *request_action(const char *title, const char *primary, const char *secondary, int def, PurpleAccount *a,
	const char *who, PurpleConversation *c, void *data, size_t n, va_list ap)
{
	size_t i;
	result("prompt %s | %s | %s", title ? title : "", primary ? primary : "", secondary ? secondary : "");
	for (i = 0; i < n; i++) {
		const char *label = va_arg(ap, const char *);
		PurpleRequestActionCb cb = va_arg(ap, PurpleRequestActionCb);
		if (label && strstr(label, "eject") && cb) {
			result("answered %s", label);
			cb(data, i);
			break;
		}
	}
	return NULL;
}

static void *notify_message(PurpleNotifyMsgType t, const char *title, const char *primary, const char *secondary)
{
	result("notice %s | %s | %s", title ? title : "", primary ? primary : "", secondary ? secondary : "");
	return NULL;
}

static void disconnected(PurpleConnection *gc, PurpleConnectionError reason, const char *text)
{
	result("disconnected reason=%d %s", reason, text ? text : "");
	finish(1);
}

static PurpleDebugUiOps debug_ops = { debug_print, debug_enabled, NULL, NULL, NULL, NULL };
static PurpleRequestUiOps request_ops = { .request_action = request_action };
static PurpleNotifyUiOps notify_ops = { .notify_message = notify_message };
static PurpleConnectionUiOps connection_ops = { .report_disconnect_reason = disconnected };

static void debug_init(void)
{
	purple_debug_set_ui_ops(&debug_ops);
}

static void ui_init(void)
{
	purple_connections_set_ui_ops(&connection_ops);
	purple_request_set_ui_ops(&request_ops);
	purple_notify_set_ui_ops(&notify_ops);
}

static PurpleCoreUiOps core_ops = { NULL, debug_init, ui_init, NULL, NULL, NULL, NULL, NULL };

/* ---- the story ---- */

static gboolean hold_done(gpointer d)
{
	if (o_reqauth && !verified) {
		result("no signed message from the server was verified");
		finish(5);
	} else {
		finish(0);
	}
	return FALSE;
}

static void on_signed_on(PurpleConnection *gc, gpointer d)
{
	signed_on = TRUE;
	result("signed-on %s server-signature-verified=%s", purple_account_get_username(account), verified ? "yes" : "no");
	if (o_status)
		purple_account_set_status(account, o_status, TRUE, NULL);
	if (o_add) {
		PurpleGroup *g = purple_group_new("Buddies");
		PurpleBuddy *b = purple_buddy_new(account, o_add, NULL);
		purple_blist_add_group(g, NULL);
		purple_blist_add_buddy(b, NULL, g, NULL);
		purple_account_add_buddy(account, b);
	}
	/* A moment even without --hold: what follows sign-on is seen then. */
	g_timeout_add(o_hold > 0 ? o_hold * 1000 : 300, hold_done, NULL);
}

static gboolean on_timeout(gpointer d)
{
	if (!signed_on) {
		result("timeout after %d s", o_timeout);
		finish(2);
	}
	return FALSE;
}

static int usage(const char *text)
{
	fprintf(stderr, "%s\n", text);
	return 3;
}

int main(int argc, char **argv)
{
	GError *err = NULL;
	GOptionContext *context = g_option_context_new("- pidgin-sipe without a window");
	GSList *certificates, *i;
	GList *l;
	const char *protocol = NULL, *home = getenv("HOME");
	char **p;
	int k;

	g_option_context_add_main_entries(context, options, NULL);
	if (!g_option_context_parse(context, &argc, &argv, &err))
		return usage(err->message);
	if (!o_server || !o_user || !o_login || !o_password || !o_ca || !home)
		return usage("--server, --user, --login, --password, --ca and HOME are needed");
	signal(SIGPIPE, SIG_IGN);
	hosts = g_hash_table_new(g_str_hash, g_str_equal);
	for (p = o_resolve; p && *p; p++) {
		char **kv = g_strsplit(*p, "=", 2);
		if (kv[0] && kv[1])
			g_hash_table_insert(hosts, kv[0], kv[1]);
	}

	purple_util_set_user_dir(home);
	purple_debug_set_enabled(FALSE);
	purple_debug_set_verbose(TRUE);
	purple_debug_set_unsafe(TRUE);
	purple_core_set_ui_ops(&core_ops);
	purple_eventloop_set_ui_ops(&loop_ops);
	purple_plugins_add_search_path("/usr/lib/purple-2");
	if (!purple_core_init("sipe-client"))
		return usage("libpurple does not start");
	purple_set_blist(purple_blist_new());
	for (l = purple_plugins_get_protocols(); l; l = l->next)
		if (strstr(purple_plugin_get_id(l->data), "sipe"))
			protocol = purple_plugin_get_id(l->data);
	if (!protocol)
		return usage("libpurple has no plugin pidgin-sipe");
	if (!purple_ssl_is_supported())
		return usage("libpurple has no TLS plugin");
	certificates = purple_certificates_import(purple_certificate_find_scheme("x509"), o_ca);
	if (!certificates)
		return usage("no certificate in --ca");
	for (i = certificates; i; i = i->next)
		if (!purple_certificate_pool_store(purple_certificate_find_pool("x509", "ca"), "test-ca", i->data))
			return usage("the CA cannot be stored");

	account = purple_account_new(g_strdup_printf("%s,%s", o_user, o_login), protocol);
	purple_account_set_password(account, o_password);
	purple_account_set_string(account, "server", o_server);
	purple_account_set_string(account, "transport", "tls");
	purple_account_set_string(account, "authentication", "ntlm");
	purple_account_set_bool(account, "dont-publish", TRUE); /* no calendar: Exchange is not looked for */
	purple_accounts_add(account);
	purple_signal_connect(purple_connections_get_handle(), "signed-on", &rc, PURPLE_CALLBACK(on_signed_on), NULL);
	loop = g_main_loop_new(NULL, FALSE);
	g_timeout_add_seconds(o_timeout, on_timeout, NULL);
	purple_account_set_enabled(account, "sipe-client", TRUE);
	purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
	if (rc < 0)
		g_main_loop_run(loop);

	purple_signals_disconnect_by_handle(&rc);
	purple_account_disconnect(account);
	for (k = 0; k < 20; k++)
		g_main_context_iteration(NULL, FALSE);
	result("exit %d", rc);
	fflush(stdout);
	_exit(rc); /* libpurple's own end writes to the profile, which goes anyway */
}
