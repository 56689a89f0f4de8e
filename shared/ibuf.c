/* SPDX-License-Identifier: ISC */

/*
 * Octets with a write and a read position, for imsg.c and whoever builds or
 * takes apart a payload.  Every get and add is checked against what is there;
 * an ibuf on the stack is a view and is never written past or freed.
 */

#include <sys/types.h>

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"

struct ibuf *
ibuf_open(size_t len)
{
	if (len == 0) {
		errno = EINVAL;
		return (NULL);
	}
	return (ibuf_dynamic(len, len));
}

struct ibuf *
ibuf_dynamic(size_t len, size_t max)
{
	struct ibuf	*buf;

	if (max == 0 || max < len) {
		errno = EINVAL;
		return (NULL);
	}
	if ((buf = calloc(1, sizeof(*buf))) == NULL)
		return (NULL);
	if (len > 0 && (buf->buf = calloc(len, 1)) == NULL) {
		free(buf);
		return (NULL);
	}
	buf->size = len;
	buf->max = max;
	buf->fd = -1;
	return (buf);
}

/* Doubles until len more fit, so that many small adds stay cheap. */
static int
ibuf_grow(struct ibuf *buf, size_t len)
{
	unsigned char	*p;
	size_t		 size;

	size = buf->size < 64 ? 64 : buf->size;
	while (size < buf->wpos + len && size <= buf->max / 2)
		size *= 2;
	if (size < buf->wpos + len || size > buf->max)
		size = buf->max;
	if ((p = recallocarray(buf->buf, buf->size, size, 1)) == NULL)
		return (-1);
	buf->buf = p;
	buf->size = size;
	return (0);
}

void *
ibuf_reserve(struct ibuf *buf, size_t len)
{
	unsigned char	*p;

	if (len > SIZE_MAX - buf->wpos || buf->max == 0) {
		errno = ERANGE;
		return (NULL);
	}
	if (len > buf->max - buf->wpos) {
		errno = ERANGE;
		return (NULL);
	}
	if (len > buf->size - buf->wpos && ibuf_grow(buf, len) == -1)
		return (NULL);
	p = buf->buf + buf->wpos;
	buf->wpos += len;
	return (p);
}

int
ibuf_add(struct ibuf *buf, const void *data, size_t len)
{
	void	*p;

	if (len == 0)
		return (0);
	if ((p = ibuf_reserve(buf, len)) == NULL)
		return (-1);
	memcpy(p, data, len);
	return (0);
}

int
ibuf_add_ibuf(struct ibuf *buf, const struct ibuf *from)
{
	return (ibuf_add(buf, ibuf_data(from), ibuf_size(from)));
}

int
ibuf_add_zero(struct ibuf *buf, size_t len)
{
	void	*p;

	if (len == 0)
		return (0);
	if ((p = ibuf_reserve(buf, len)) == NULL)
		return (-1);
	memset(p, 0, len);
	return (0);
}

int
ibuf_add_strbuf(struct ibuf *buf, const char *str, size_t len)
{
	size_t	 n;

	n = strlen(str);
	if (n >= len) {
		errno = EOVERFLOW;
		return (-1);
	}
	if (len > ibuf_left(buf)) {
		errno = ERANGE;
		return (-1);
	}
	if (ibuf_add(buf, str, n) == -1)
		return (-1);
	return (ibuf_add_zero(buf, len - n));
}

int
ibuf_add_n8(struct ibuf *buf, uint64_t value)
{
	uint8_t	 v = value;

	if (value > UINT8_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_n16(struct ibuf *buf, uint64_t value)
{
	uint16_t	 v = htobe16(value);

	if (value > UINT16_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_n32(struct ibuf *buf, uint64_t value)
{
	uint32_t	 v = htobe32(value);

	if (value > UINT32_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_n64(struct ibuf *buf, uint64_t value)
{
	uint64_t	 v = htobe64(value);

	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_h16(struct ibuf *buf, uint64_t value)
{
	uint16_t	 v = value;

	if (value > UINT16_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_h32(struct ibuf *buf, uint64_t value)
{
	uint32_t	 v = value;

	if (value > UINT32_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_add(buf, &v, sizeof(v)));
}

int
ibuf_add_h64(struct ibuf *buf, uint64_t value)
{
	return (ibuf_add(buf, &value, sizeof(value)));
}

void *
ibuf_seek(struct ibuf *buf, size_t pos, size_t len)
{
	/* one comparison at a time: no sum that could wrap round */
	if (ibuf_size(buf) < pos || ibuf_size(buf) - pos < len) {
		errno = ERANGE;
		return (NULL);
	}
	return (buf->buf + buf->rpos + pos);
}

int
ibuf_set(struct ibuf *buf, size_t pos, const void *data, size_t len)
{
	void	*p;

	if ((p = ibuf_seek(buf, pos, len)) == NULL)
		return (-1);
	if (len > 0)
		memcpy(p, data, len);
	return (0);
}

int
ibuf_set_n8(struct ibuf *buf, size_t pos, uint64_t value)
{
	uint8_t	 v = value;

	if (value > UINT8_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_set(buf, pos, &v, sizeof(v)));
}

int
ibuf_set_n16(struct ibuf *buf, size_t pos, uint64_t value)
{
	uint16_t	 v = htobe16(value);

	if (value > UINT16_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_set(buf, pos, &v, sizeof(v)));
}

int
ibuf_set_n32(struct ibuf *buf, size_t pos, uint64_t value)
{
	uint32_t	 v = htobe32(value);

	if (value > UINT32_MAX) {
		errno = EINVAL;
		return (-1);
	}
	return (ibuf_set(buf, pos, &v, sizeof(v)));
}

int
ibuf_set_n64(struct ibuf *buf, size_t pos, uint64_t value)
{
	uint64_t	 v = htobe64(value);

	return (ibuf_set(buf, pos, &v, sizeof(v)));
}

void *
ibuf_data(const struct ibuf *buf)
{
	return (buf->buf == NULL ? NULL : buf->buf + buf->rpos);
}

size_t
ibuf_size(const struct ibuf *buf)
{
	return (buf->wpos - buf->rpos);
}

size_t
ibuf_left(const struct ibuf *buf)
{
	return (buf->max == 0 ? 0 : buf->max - buf->wpos);
}

int
ibuf_truncate(struct ibuf *buf, size_t len)
{
	if (ibuf_size(buf) >= len) {
		buf->wpos = buf->rpos + len;
		return (0);
	}
	if (buf->max == 0) {
		errno = ERANGE;
		return (-1);
	}
	return (ibuf_add_zero(buf, len - ibuf_size(buf)));
}

void
ibuf_rewind(struct ibuf *buf)
{
	buf->rpos = 0;
}

void
ibuf_from_buffer(struct ibuf *buf, void *data, size_t len)
{
	memset(buf, 0, sizeof(*buf));
	buf->buf = data;
	buf->size = buf->wpos = len;
	buf->fd = -1;
}

void
ibuf_from_ibuf(struct ibuf *buf, const struct ibuf *from)
{
	ibuf_from_buffer(buf, ibuf_data(from), ibuf_size(from));
}

int
ibuf_get(struct ibuf *buf, void *data, size_t len)
{
	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (-1);
	}
	if (len > 0)
		memcpy(data, ibuf_data(buf), len);
	buf->rpos += len;
	return (0);
}

int
ibuf_get_ibuf(struct ibuf *buf, size_t len, struct ibuf *view)
{
	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (-1);
	}
	ibuf_from_buffer(view, ibuf_data(buf), len);
	buf->rpos += len;
	return (0);
}

int
ibuf_get_n8(struct ibuf *buf, uint8_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

int
ibuf_get_n16(struct ibuf *buf, uint16_t *value)
{
	if (ibuf_get(buf, value, sizeof(*value)) == -1)
		return (-1);
	*value = be16toh(*value);
	return (0);
}

int
ibuf_get_n32(struct ibuf *buf, uint32_t *value)
{
	if (ibuf_get(buf, value, sizeof(*value)) == -1)
		return (-1);
	*value = be32toh(*value);
	return (0);
}

int
ibuf_get_n64(struct ibuf *buf, uint64_t *value)
{
	if (ibuf_get(buf, value, sizeof(*value)) == -1)
		return (-1);
	*value = be64toh(*value);
	return (0);
}

int
ibuf_get_h16(struct ibuf *buf, uint16_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

int
ibuf_get_h32(struct ibuf *buf, uint32_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

int
ibuf_get_h64(struct ibuf *buf, uint64_t *value)
{
	return (ibuf_get(buf, value, sizeof(*value)));
}

char *
ibuf_get_string(struct ibuf *buf, size_t len)
{
	char	*str;

	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (NULL);
	}
	if ((str = strndup(len == 0 ? "" : ibuf_data(buf), len)) == NULL)
		return (NULL);
	buf->rpos += len;
	return (str);
}

int
ibuf_get_strbuf(struct ibuf *buf, char *str, size_t len)
{
	if (len == 0) {
		errno = EINVAL;
		return (-1);
	}
	if (ibuf_get(buf, str, len) == -1)
		return (-1);
	if (memchr(str, '\0', len) == NULL) {
		str[len - 1] = '\0';
		errno = EOVERFLOW;
		return (-1);
	}
	return (0);
}

int
ibuf_skip(struct ibuf *buf, size_t len)
{
	if (ibuf_size(buf) < len) {
		errno = EBADMSG;
		return (-1);
	}
	buf->rpos += len;
	return (0);
}

void
ibuf_free(struct ibuf *buf)
{
	int	 saved = errno;

	if (buf == NULL || buf->max == 0)	/* a view is not ours */
		return;
	if (buf->fd != -1)
		close(buf->fd);
	/* keys and tokens travel in here */
	freezero(buf->buf, buf->size);
	free(buf);
	errno = saved;
}

int
ibuf_fd_avail(const struct ibuf *buf)
{
	return (buf->fd != -1);
}

int
ibuf_fd_get(struct ibuf *buf)
{
	int	 fd = buf->fd;

	buf->fd = -1;
	return (fd);
}

void
ibuf_fd_set(struct ibuf *buf, int fd)
{
	if (buf->fd != -1)
		close(buf->fd);
	buf->fd = fd < 0 ? -1 : fd;
}
