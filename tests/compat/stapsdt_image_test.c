/* SPDX-License-Identifier: MIT */
/*
 * What libstapsdt's images lack, read from the image by libelf. It can be run with libstapsdt, too;
 * see stapsdt_test.c.
 */
#include <libstapsdt.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include "support/children.h"

#define PROBES 20

struct image {
    SDTProvider_t *provider;
    int fd;
    Elf *elf;
    size_t names; /* the section with the sections' names */
};

static struct image load(void)
{
    struct image image = {.provider = providerInit("shop")};

    for (char name[] = "a"; *name < 'a' + PROBES; ++*name)
        providerAddProbe(image.provider, name, 1, uint64);
    check_equal(providerLoad(image.provider), 0);
    image.fd = open(image.provider->_filename, O_RDONLY | O_CLOEXEC);
    check(image.fd >= 0);
    elf_version(EV_CURRENT);
    image.elf = elf_begin(image.fd, ELF_C_READ, NULL);
    check(image.elf != NULL && elf_getshdrstrndx(image.elf, &image.names) == 0);
    return image;
}

static void end(struct image *image)
{
    elf_end(image->elf);
    close(image->fd);
    providerDestroy(image->provider);
}

static Elf_Scn *section(const struct image *image, const char *name, GElf_Shdr *ret)
{
    Elf_Scn *at = NULL;

    while ((at = elf_nextscn(image->elf, at)))
        if (gelf_getshdr(at, ret) &&
            strcmp(elf_strptr(image->elf, image->names, ret->sh_name), name) == 0)
            return at;
    check_failed(__FILE__, __LINE__, "there is no section %s", name);
    return NULL;
}

/* perf's cache needs the first, and gdb and unwinders the others. */
static void it_has_a_build_id_and_unwind_tables(void **state)
{
    struct image image = load();
    GElf_Shdr header;

    (void)state;
    section(&image, ".note.gnu.build-id", &header);
    section(&image, ".eh_frame", &header);
    check(header.sh_size > 4);
    section(&image, ".eh_frame_hdr", &header);
    end(&image);
}

static void the_base_is_in_a_segment(void **state)
{
    struct image image = load();
    GElf_Shdr base;
    GElf_Phdr segment;
    size_t count = 0, found = 0;

    (void)state;
    section(&image, ".stapsdt.base", &base);
    check_equal(elf_getphdrnum(image.elf, &count), 0);
    for (size_t i = 0; i < count; i++)
        found += gelf_getphdr(image.elf, (int)i, &segment) && segment.p_type == PT_LOAD &&
                 base.sh_addr >= segment.p_vaddr &&
                 base.sh_addr + base.sh_size <= segment.p_vaddr + segment.p_memsz;
    check_equal(found, 1);
    end(&image);
}

/* Stacks name only functions, and only those with a size. */
static void each_probe_has_a_function_that_the_linker_finds(void **state)
{
    struct image image = load();
    void *handle = dlopen(image.provider->_filename, RTLD_LAZY | RTLD_NOLOAD);
    GElf_Shdr header;
    Elf_Data *symbols = elf_getdata(section(&image, ".dynsym", &header), NULL);
    size_t found = 0;
    GElf_Sym symbol;

    (void)state;
    check(handle != NULL);
    for (int i = 0; gelf_getsym(symbols, i, &symbol); i++) {
        const char *name = elf_strptr(image.elf, header.sh_link, symbol.st_name);

        if (GELF_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0)
            continue;
        if (!dlsym(handle, name))
            check_failed(__FILE__, __LINE__, "dlsym() does not find %s", name);
        found++;
    }
    check_equal(found, PROBES);
    dlclose(handle);
    end(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_a_build_id_and_unwind_tables),
        cmocka_unit_test(the_base_is_in_a_segment),
        cmocka_unit_test(each_probe_has_a_function_that_the_linker_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
